from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingest.errors import LayerLoopError, ScannerConfigError
from ingest.screening.layers import Layer, Layers, merged, read_layer

KEYS = {"extends", "direction", "columns", "columns_add", "venues", "limit", "thresholds"}


@pytest.fixture
def configs(tmp_path: Path) -> Path:
    write(tmp_path, "base/market", "columns: [change, sma50]\nvenues: [NYSE]\nthresholds: {adx_min: 15, rsi_max: 40}")
    write(tmp_path, "presets/trend", "direction: LONG\nthresholds: {adx_min: 20}\ncolumns_add: [sma50, macd, macd]")
    return tmp_path


def write(configs: Path, name: str, text: str) -> None:
    file = configs / f"{name}.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text + "\n", encoding="utf-8")


def settings_of(configs: Path, name: str, table: dict[str, Layer] | None = None) -> dict[str, Any]:
    return merged(Layers(configs, table or {}).stack(name, KEYS))


def test_mappings_merge_lists_replace_and_additions_append_once(configs: Path) -> None:
    write(configs, "scanners/a", "extends: [base/market, presets/trend]\nvenues: [NASDAQ]\ncolumns_add: [change, adx]")
    assert settings_of(configs, "scanners/a") == {
        "columns": ["change", "sma50", "macd", "adx"],
        "venues": ["NASDAQ"],
        "thresholds": {"adx_min": 20, "rsi_max": 40},
        "direction": "LONG",
    }


def test_a_later_layer_stands_over_an_earlier_one(configs: Path) -> None:
    write(configs, "presets/other", "direction: SHORT")
    write(configs, "scanners/a", "extends: [presets/trend, presets/other]")
    write(configs, "scanners/b", "extends: [presets/other, presets/trend]")
    assert settings_of(configs, "scanners/a")["direction"] == "SHORT"
    assert settings_of(configs, "scanners/b")["direction"] == "LONG"


def test_a_layer_reached_twice_does_not_undo_a_layer_over_it(configs: Path) -> None:
    write(configs, "presets/narrow", "extends: [base/market]\nvenues: [NASDAQ]")
    write(configs, "presets/wide", "extends: [base/market]\nlimit: 7")
    write(configs, "scanners/a", "extends: [presets/narrow, presets/wide]")
    assert settings_of(configs, "scanners/a")["venues"] == ["NASDAQ"]
    assert settings_of(configs, "scanners/a")["limit"] == 7


def test_a_layer_of_the_table_is_found_by_its_name(configs: Path) -> None:
    row = Layer("scanners/row", "scanners.csv: line 2 (row)", {"extends": ["base/market"], "limit": 3})
    write(configs, "scanners/a", "extends: [scanners/row]\ndirection: LONG")
    layers = Layers(configs, {row.name: row})
    assert layers.names("scanners") == ("scanners/a", "scanners/row")
    assert layers.names() == ("base/market", "presets/trend", "scanners/a", "scanners/row")
    assert settings_of(configs, "scanners/a", {row.name: row})["limit"] == 3
    assert layers.reached_from("scanners/a") == {"scanners/a", "scanners/row", "base/market"}


@pytest.mark.parametrize("reference", ["../secrets", "base/../../x", "/etc/passwd", "base", "other/market"])
def test_a_layer_outside_the_folders_is_refused(configs: Path, reference: str) -> None:
    write(configs, "scanners/a", f"extends: ['{reference}']")
    with pytest.raises(ScannerConfigError, match=r"a\.yaml: extends '.*' is refused: name a layer as FOLDER/NAME"):
        settings_of(configs, "scanners/a")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extends: [base/markt]", "no layer 'base/markt': did you mean 'base/market'?"),
        ("extends: base/market", "extends must be a list of layers"),
        ("limits: 3", "unknown key 'limits': did you mean 'limit'?"),
        ("columns_add: adx", "columns_add must be a list"),
    ],
)
def test_a_faulty_layer_is_refused_with_its_file(configs: Path, text: str, message: str) -> None:
    write(configs, "scanners/a", text)
    with pytest.raises(ScannerConfigError) as caught:
        settings_of(configs, "scanners/a")
    assert str(caught.value) == f"{configs / 'scanners' / 'a.yaml'}: {message}"


def test_an_unknown_layer_is_refused_with_the_nearest_name(configs: Path) -> None:
    with pytest.raises(ScannerConfigError, match="no layer 'presets/tred': did you mean 'presets/trend'"):
        Layers(configs, {}).get("presets/tred")


def test_a_loop_is_refused_with_its_layers(configs: Path) -> None:
    write(configs, "presets/one", "extends: [presets/two]")
    write(configs, "presets/two", "extends: [presets/one]")
    write(configs, "scanners/a", "extends: [presets/one]")
    with pytest.raises(LayerLoopError, match="presets/one, presets/two") as caught:
        settings_of(configs, "scanners/a")
    assert caught.value.names == ("presets/one", "presets/two")
    assert Layers(configs, {}).reached_from("scanners/a") == {"scanners/a", "presets/one", "presets/two"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2", "key 'a' is given twice"),
        ("- a", "a layer is a mapping, this is list"),
        ("a: [", "not readable as YAML"),
        ("a: !!python/object/apply:os.getcwd []", "not readable as YAML"),
    ],
)
def test_a_file_that_is_no_mapping_of_plain_values_is_refused(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, "base/a", text)
    with pytest.raises(ScannerConfigError) as caught:
        read_layer(tmp_path / "base" / "a.yaml")
    assert message in str(caught.value)
    with pytest.raises(ScannerConfigError, match="not readable: No such file"):
        read_layer(tmp_path / "base" / "b.yaml")
