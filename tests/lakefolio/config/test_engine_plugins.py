"""Guests by entry point: the guide's own example is installed and plays; what is no engine is refused by name."""

from __future__ import annotations

import importlib
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from analytics.settings import DecisionSettings, TournamentSettings
from analytics.tournament.engines import Pool, equal_weight_engine
from analytics.tournament.facts import TournamentFacts
from analytics.tournament.plugins import PluginContext
from analytics.tournament.walk_forward import TournamentResult, run_tournament
from lakefolio.config.engine_plugins import check_engines, make_plugin, plugin_packages
from lakefolio.config.manifest import resolve
from lakefolio.errors import ManifestError, UsageError

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs" / "guide" / "own-engine.md").read_text(encoding="utf-8")
SYMBOLS = ("X:A", "X:B", "X:C", "X:D")

Install = Callable[..., None]


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", GUIDE, re.S)
    assert found is not None
    return found.group(1)


def pool(*_: object) -> Pool:
    return Pool(SYMBOLS[:3], np.array([1, -1, 1]))


TERMS = PluginContext(("inverse_volatility",), 252, 0.0, 0.25, 1, pool, pool)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Lay a module and its metadata down where Python looks for packages."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def lay(package: str, code: str, points: dict[str, str], version: str = "0.1.0") -> None:
        module = package.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(code, encoding="utf-8")
        info = tmp_path / f"{module}-{version}.dist-info"
        info.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
        (info / "METADATA").write_text(metadata, encoding="utf-8")
        lines = [f"{name} = {value}" for name, value in points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[lakefolio.engines]", *lines, ""]), encoding="utf-8")
        importlib.invalidate_caches()

    yield lay
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == tmp_path:
            del sys.modules[name]


@pytest.fixture
def calm(install: Install) -> None:
    """The guide's example, installed from its own words."""
    project = tomllib.loads(block("toml"))["project"]
    install(project["name"], block("python"), project["entry-points"]["lakefolio.engines"], project["version"])


def play(*engines: str) -> TournamentResult:
    rng = np.random.default_rng(5)
    returns = rng.normal(0.0005, [0.004, 0.008, 0.016, 0.02], (200, 4))
    return run_tournament(
        [date(2024, 1, 1) + timedelta(days=day) for day in range(200)],
        SYMBOLS,
        returns,
        rng.normal(0, 0.01, 200),
        engines=[*(make_plugin(name, TERMS) for name in engines), equal_weight_engine(pool)],
        risk_profiles=["inverse_volatility", "calmer_half", "equal_weight"],
        settings=DecisionSettings(
            tournament=TournamentSettings(train_sessions=100, test_sessions=20, step_sessions=20, bootstrap_samples=20)
        ),
        facts=TournamentFacts(),
        rng=np.random.default_rng(0),
    )


@pytest.mark.usefixtures("calm")
def test_the_guides_engine_plays_its_risk_profiles_and_holds_what_it_says() -> None:
    result = play("calm")
    statuses = {
        (row["engine"], row["risk_profile"]): row["status"]
        for row in result.metrics.filter(simulator="realized").to_dicts()
    }
    assert statuses["calm", "inverse_volatility"] == statuses["calm", "calmer_half"] == "ok"
    assert statuses["calm", "equal_weight"] == statuses["equal_weight", "calmer_half"] == "unsupported"
    rng = np.random.default_rng(5)
    train = rng.normal(0.0005, [0.004, 0.008, 0.016, 0.02], (200, 4))[:100, :3]
    inverse = 1 / train.std(axis=0, ddof=1)
    decision = result.decisions["calm", "inverse_volatility"][0]
    assert decision.symbols == SYMBOLS[:3]
    assert decision.net_weights == pytest.approx(inverse / inverse.sum() * [1, -1, 1], abs=1e-12)
    half = result.decisions["calm", "calmer_half"][0]
    assert half.symbols == ("X:A", "X:B")


@pytest.mark.usefixtures("calm")
def test_the_ledger_would_name_its_package_and_version() -> None:
    assert plugin_packages(["ours", "calm"]) == {"calm-engine": "0.1.0"}


@pytest.mark.usefixtures("calm")
def test_the_manifest_takes_an_installed_engine_as_the_guide_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "with_calm.json"
    path.write_text(block("json"), encoding="utf-8")
    resolved = resolve(path, "with_calm", shipped=ROOT / "configs" / "manifest.json")
    assert resolved.tournament.engines == ("ours", "market", "equal_weight", "calm")
    assert resolved.source.kind == "sample"


@pytest.mark.parametrize(
    ("names", "hint"),
    [
        (["our"], "did you mean 'ours'"),
        (["calmm"], "did you mean 'calm'"),
        (["ours", "ours"], "twice"),
        (["zzzzzz"], "there are ours, market, equal_weight, calm"),
    ],
)
@pytest.mark.usefixtures("calm")
def test_an_unknown_engine_is_refused_with_the_nearest(names: list[str], hint: str) -> None:
    with pytest.raises(ManifestError, match=hint) as refusal:
        resolve(ROOT / "configs" / "manifest.json", "demo", {"tournament": {"engines": names}})
    assert refusal.value.exit_code == 2


def test_an_engine_that_is_not_installed_any_more_is_refused() -> None:
    with pytest.raises(UsageError, match="no engine 'calm'"):
        check_engines(["ours", "calm"])


BREAKS = "def make(terms):\n    from analytics.tournament.engines import Engine\n    {body}\n"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return 'engine'", "made a str, not an Engine"),
        ("raise KeyError('token')", "cannot be made: KeyError"),
        ("import not_there_at_all", "cannot be made: ModuleNotFoundError"),
    ],
)
def test_what_makes_no_engine_is_refused(install: Install, body: str, said: str) -> None:
    install("broken-engine", BREAKS.format(body=body), {"broken": "broken_engine:make"})
    with pytest.raises(UsageError, match=said):
        make_plugin("broken", TERMS)


@pytest.mark.parametrize(
    ("answer", "said"),
    [("1 / 0", "broken ended with ZeroDivisionError"), ("'sell'", "answered a str, not a Decision")],
)
def test_a_guests_bug_is_its_own_cells_failure(install: Install, answer: str, said: str) -> None:
    body = f"return Engine('other', {{'inverse_volatility': lambda past: {answer}}})"
    install("broken-engine", BREAKS.format(body=body), {"broken": "broken_engine:make"})
    metrics = play("broken").metrics
    failed = metrics.filter(engine="broken", risk_profile="inverse_volatility", simulator="realized")
    assert set(failed["status"]) == {"failed"}
    assert said in failed["message"][0]
    assert set(metrics.filter(engine="equal_weight", risk_profile="equal_weight")["status"]) == {"ok"}


def test_a_name_that_two_packages_offer_is_refused(install: Install) -> None:
    for package in ("one-engine", "two-engine"):
        install(package, "make = None\n", {"same": f"{package.replace('-', '_')}:make"})
    with pytest.raises(UsageError, match=r"several packages \(one-engine, two-engine\)"):
        check_engines(["same"])
