from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ingest.errors import ScannerConfigError
from ingest.screening.scanners import load_scanner, load_scanners, open_layers, scanner_names
from lakehouse.errors import PathRefusedError

CLASSES = ("equity", "etf", "bond", "crypto_spot", "crypto_perp", "fx", "future", "cfd")


@pytest.fixture
def layers(tmp_path: Path) -> Path:
    for folder in ("base", "presets", "scanners"):
        (tmp_path / folder).mkdir()
    write(tmp_path, "base/market", "asset_classes: [equity]\nproduct: cash\ncolumns: [change, sma50]\nvenues: [NYSE]")
    write(
        tmp_path,
        "presets/trend",
        "strategy: trend_momentum\ndirection: LONG\nthresholds: {adx_min: 20, perf_w_min_pct: 1}",
    )
    return tmp_path


def write(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.yaml").write_text(text + "\n", encoding="utf-8")


def test_every_shipped_scanner_loads_and_every_class_has_both_sides(configs: Path) -> None:
    every = load_scanners(configs)
    assert [scanner.name for scanner in every] == list(scanner_names(configs))
    for name in CLASSES:
        sides = {scanner.direction for scanner in every if scanner.name.startswith(f"{name}_trend_")}
        assert sides == {"LONG", "SHORT"}, name
    reversion = {scanner.name for scanner in every if scanner.strategy == "mean_reversion"}
    assert {"equity_reversion_long", "etf_reversion_short", "crypto_spot_reversion_long"} <= reversion
    assert {scanner.asset_classes for scanner in every if scanner.strategy == "price_momentum"} == {
        ("etf",),
        ("bond",),
        ("fx",),
    }


def test_no_shipped_layer_is_without_a_user(configs: Path) -> None:
    layers = open_layers(configs)
    used = {reference for name in layers.names("scanners") for reference in layers.get(name).settings["extends"]}
    assert used == {
        f"{folder}/{file.stem}" for folder in ("base", "presets") for file in (configs / folder).glob("*.yaml")
    }


def test_mappings_merge_lists_replace_and_additions_append_once(layers: Path) -> None:
    write(
        layers,
        "scanners/mine",
        "extends: [base/market, presets/trend]\ntitle: Mine\nvenues: [NASDAQ, AMEX]\n"
        "thresholds: {adx_min: 30}\ncolumns_add: [sma50, sma200, sma200]\n"
        "filters_add:\n  - {left: close, operation: greater, right: 5}\n",
    )
    scanner = load_scanner(layers, "mine")
    assert scanner.thresholds == {"adx_min": 30, "perf_w_min_pct": 1}
    assert scanner.venues == ("NASDAQ", "AMEX")
    assert scanner.columns == ("change", "sma50", "sma200")
    assert [(one.left, one.operation, one.right) for one in scanner.filters] == [("close", "greater", 5)]
    assert scanner.threshold("perf_3m_min_pct") == 1.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("min_value_traded: 1", "unknown key 'min_value_traded': did you mean 'value_traded_min_usd'"),
        ("value_traded_min: 1", "did you mean 'value_traded_min_usd'"),
        ("thresholds: {adx_minimum: 1}", "no threshold 'adx_minimum': did you mean 'adx_min'"),
        ("thresholds: {rsi_max: 40}", "no threshold 'rsi_max'"),
        ("strategy: trend_momentun", "did you mean 'trend_momentum'"),
        ("direction: UP", "direction"),
        ("asset_classes: [stock]", "asset_classes"),
        ("filters_add:\n  - {left: close, operation: bigger, right: 1}", "operation"),
        ("filters_add:\n  - {left: close, operation: in_range, right: 1}", "takes a list"),
        ("limit: 0", "limit"),
        ("venues: [A]\nvenues: [B]", "given twice"),
        ("columns_add: sma50", "must be a list"),
        ("name: other", "the name is that of the file"),
        ("- a list", "a layer is a mapping"),
        ("title: [unclosed", "not readable as YAML"),
        ("title: !!python/object/apply:os.getcwd []", "not readable as YAML"),
    ],
)
def test_settings_that_are_not_valid_are_refused(layers: Path, text: str, message: str) -> None:
    head = "" if text.startswith("- ") else "extends: [base/market, presets/trend]\n"
    if head and not text.startswith("title"):
        head += "title: Broken\n"
    write(layers, "scanners/broken", head + text)
    with pytest.raises(ScannerConfigError) as caught:
        load_scanner(layers, "broken")
    assert message in str(caught.value)
    assert "broken.yaml" in str(caught.value)


def test_a_missing_layer_names_the_nearest_and_a_loop_is_refused(layers: Path) -> None:
    write(layers, "scanners/lost", "extends: [base/markt]\ntitle: Lost")
    with pytest.raises(ScannerConfigError, match="did you mean 'base/market'"):
        load_scanner(layers, "lost")
    write(layers, "presets/one", "extends: [presets/two]")
    write(layers, "presets/two", "extends: [presets/one]")
    write(layers, "scanners/round", "extends: [presets/one]\ntitle: Round")
    with pytest.raises(ScannerConfigError, match="loop"):
        load_scanner(layers, "round")


def test_a_name_outside_the_whitelist_never_becomes_a_path(configs: Path) -> None:
    with pytest.raises(PathRefusedError):
        load_scanner(configs, "../manifest")
    with pytest.raises(ScannerConfigError, match="did you mean 'equity_trend_long'"):
        load_scanners(configs, ("equity_trend_lon",))


def test_a_shipped_file_with_a_typo_is_found(configs: Path, tmp_path: Path) -> None:
    shutil.copytree(configs, tmp_path / "configs")
    file = tmp_path / "configs" / "presets" / "trend.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("adx_min", "adx_mim"), encoding="utf-8")
    with pytest.raises(ScannerConfigError, match="did you mean 'adx_min'"):
        load_scanners(tmp_path / "configs")
