"""Wrong words, files and settings are refused in one line that names the value and what to do."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from ingest.sources.sample.universe import SAMPLE_AS_OF
from tests.story.conftest import SMALL
from tests.story.home import ROOT, Finished, Home

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def empty(new_home: Callable[..., Home]) -> Home:
    """A home in which nothing was done."""
    return new_home("empty")


def one_line(refused: Finished) -> str:
    """The only line of a command that ended with exit 2."""
    message = refused.ended(2).err
    assert message.startswith("lakefolio: ")
    assert message.count("\n") == 1, message
    assert refused.out == ""
    return message


def nothing_was_made(home: Home) -> bool:
    return not (home.root / "artifacts").exists() and not (home.root / "export").exists()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("allocation.capp=0.3", "unknown key 'allocation.capp'; did you mean 'allocation.cap'?"),
        ("allocatoin.cap=0.3", "unknown key 'allocatoin'; did you mean 'allocation'?"),
        ("flags.feat_xs_momentun=true", "did you mean 'flags.feat_xs_momentum'?"),
        ("tournament.slipage_bps=1", "unknown key 'tournament.slipage_bps'; did you mean 'tournament.slippage_bps'?"),
        ("slippage_bps=1", "did you mean 'tournament.slippage_bps'?"),
        ("lake.memory_limit_mib=1e20", "lake.memory_limit_mib is 1e+20; give a whole number between 1 and 1,000,000,000"),
        ("random_seed=-1", "random_seed is -1; give a whole number of at least 0"),
        ("source.seed=-1", "source.seed"),
        ("selection.top_n=many", "selection.top_n is 'many'; give a whole number of at least 1"),
        ("allocation.cap=NaN", "allocation.cap is nan; give a number above 0.0"),
        ("allocation=3", "allocation"),
        ("=3", "give KEY=VALUE"),
        ("a..b=3", "'a..b=3': give KEY=VALUE"),
        ("", "'': give KEY=VALUE"),
        ("allocation.cap=" + "[" * 100_000, "nested too deep"),
        ("größe=1", "unknown key 'größe'"),
        ("allocation.cap=1.5", "allocation.cap is 1.5; give a number above 0.0 and of at most 1.0"),
        ("tournament.step_sessions=10", "test windows would overlap"),
        ("allocation.risk_profiles=[\"max_sharp\"]", "max_sharpe"),
        ("discovery.scanners=[]", "discovery.scanners"),
        ("flags.feat_audit_ledger=false", "may not switch feat_audit_ledger off"),
        ("nonsense", "give KEY=VALUE"),
        ("selection.feat_xs_momentum=true", "did you mean 'flags.feat_xs_momentum'?"),
    ],
    ids=lambda text: text[:40],
)  # fmt: skip
def test_a_wrong_setting_is_refused_with_the_nearest_name(empty: Home, setting: str, message: str) -> None:
    assert message in one_line(empty.call("run", "--profile", "production", "--set", setting))
    assert nothing_was_made(empty)


@pytest.mark.parametrize(
    ("words", "nearest"),
    [
        (["run", "--profile", "prodution"], "production"),
        (["run", "--profle", "demo"], "--profile"),
        (["runn"], "run"),
        (["run", "--as-of", "2025-13-01"], "YYYY-MM-DD"),
        (["run", "--as-of", "2025-02-30"], "'2025-02-30' is not a date"),
        (["run", "--as-of", "20251230"], "'20251230' is not a date"),
        (["run", "--as-of", "2099-01-01"], "'2099-01-01' is in the future"),
        (["run", "--as-of", "1066-10-14"], "before 1970-01-01"),
        (["run", "--as-of", ""], "'' is not a date"),
        (["run", "--profile", ""], "name a profile"),
        (["run", "--profile", "prodüction"], "did you mean 'production'?"),
        (["run", "--run-id", "a/b"], "'a/b'"),
        (["run", "--start-step", "selektion"], "did you mean 'selection'?"),
        (["run", "--start-step", "99"], "'99' is no step"),
        (["run", "--start-step", "optimize"], "there is no run here yet"),
        (["run", "--start-step", "audit", "--stop-step", "3"], "--start-step audit comes after --stop-step discovery"),
        (["run", "--source", "tradingviw"], "did you mean 'tradingview'?"),
        (["run", "--source", "files"], "--source files needs --path"),
        (["run", "--source", "files", "--path", ""], "'' is no file or folder"),
        (["run", "--source", "files", "--path", "absent.parquet"], "'absent.parquet': no such file or folder"),
        (["run", "--source", "sample", "--path", "x.csv"], "belongs to --source files"),
        (["run", "--set", "a.b=1", "--set", "a.b.c=2"], "--set a.b.c=... contradicts --set a.b='1'"),
        (["run", "--set"], "option --set needs a value"),
        (["run", "--manifest", "absent.json"], "no manifest at absent.json"),
        (["run", "more"], "does not accept 'more'"),
        (["--profile", "demo", "run"], "give it after the command"),
        (["show", "weight"], "weights"),
        (["show"], "needs TABLE"),
        (["show", "weights"], "no latest"),
        (["show", "weights", "--run-id", "newest"], "no newest"),
        (["run", "--continue", "--run-id", "newest"], "no newest"),
        (["run", "--run-id", "latest", "--start-step", "report"], "no latest"),
        (["orders", "--profile", "hrpp"], "'hrpp' is no risk profile; did you mean 'hrp'?"),
        (["accept", "--risk-profile", "min_varance"], "did you mean 'min_variance'?"),
        (["clean", "--run-id", "nope"], "there is no run 'nope' here"),
        (["clean"], "name a run with --run-id, or give --all"),
        (["clean", "--all", "--run-id", "nope"], "name a run with --run-id, or give --all"),
        (["diff", "one"], "needs RIGHT"),
        (["verify", "--key", "absent.pub"], "'absent.pub': no such file"),
        (["health", "--history", "--coverage"], "give one of them"),
        (["analyze", "--cluster", "-1"], "'-1' is not between 0"),
        (["sql", "select 1", "--limit", "0"], "'0' is not between 1"),
        (["sql", "select 1", "--limit", "9" * 40], "is not between 1"),
        (["sql", "select 1", "--format", "xml"], "'xml' is no format"),
        (["sql", " "], "the query is empty"),
        (["sql", "select 1"], "there is no lake"),
        (["status"], "there is no lake"),
        (["lake", "comapct"], "did you mean 'compact'?"),
        (["lake", "expire", "--older-than-days", "-1"], "'-1' is not between 0"),
        (["dbt"], "give a dbt command"),
        (["dbt", "buld"], "did you mean 'build'?"),
        (["doctor", "--profile", "prodction"], "did you mean 'production'?"),
        (["forex", "--lookback-days", "1"], "'1' is not between 7"),
        ([], "give a command"),
    ],
    ids=" ".join,
)
def test_a_wrong_word_is_refused_with_the_nearest(empty: Home, words: list[str], nearest: str) -> None:
    assert nearest in one_line(empty.call(*words))
    assert nothing_was_made(empty)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[" * 100_000, "nested too deep"),
        (b'{"profiles": ' + b'{"a":' * 100_000, "nested too deep"),
        (b"\xff\xfe\x00", "not text in UTF-8"),
        (b'{"profiles"', "is not JSON"),
        (b"[]", "a manifest is a JSON object, not list"),
        (b"", "is not JSON"),
    ],
    ids=range(6),
)
def test_a_file_that_is_no_manifest_is_refused(empty: Home, tmp_path: Path, content: bytes, message: str) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_bytes(content)
    assert message in one_line(empty.call("run", "--manifest", str(manifest)))
    assert "Is a directory" in one_line(empty.call("run", "--manifest", str(tmp_path)))


def test_a_home_that_is_no_folder_is_refused(empty: Home, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert "is a file" in one_line(empty.call("--home", str(tmp_path / "file"), "status"))
    assert "is no folder" in one_line(empty.call("--home", "", "status"))
    assert "--home" in one_line(empty.call("--hom", "x", "status"))


def test_a_wrong_setting_of_a_run_that_is_there_is_refused_before_the_run_is_touched(
    new_home: Callable[..., Home],
) -> None:
    home = new_home("begun")
    home.folder("begun").mkdir(parents=True)
    for words in (("--run-id", "begun"), ("--run-id", "begun", "--start-step", "selection"), ("--continue",)):
        assert "'nonsense': give KEY=VALUE" in one_line(home.call("run", *words, "--set", "nonsense"))
    assert "did you mean 'begun'?" in one_line(home.call("clean", "--run-id", "begum"))
    assert "did you mean 'begun'?" in one_line(home.call("verify", "begum"))
    assert home.call("clean", "--run-id", "begun").ended(0).out == "deleted 1 run folder\n"


def test_an_unknown_key_of_a_manifest_file_is_refused(empty: Home, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text('{"schema_version": 1, "defaults": {}, "profile": {}}', encoding="utf-8")
    refused = empty.call("run", "--manifest", str(manifest)).ended(2)
    assert "unknown key 'profile'; did you mean 'profiles'?" in refused.err


def test_an_unknown_scanner_is_refused_with_the_nearest(new_home: Callable[..., Home]) -> None:
    home = new_home("scanner")
    refused = home.call(
        "run", "--profile", "demo", "--run-id", "one", "--set", 'discovery.scanners=["equity_trend_lon"]'
    )
    refused.ended(2)
    assert "did you mean 'equity_trend_long'?" in refused.err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("value_traded_usd_min: 1000000.0", "did you mean 'value_traded_min_usd'?"),
        ("thresholds:\n  adx_mim: 20.0", "did you mean 'adx_min'?"),
        ("direction: UP", "direction"),
    ],
)
def test_an_unknown_key_of_a_scanner_file_is_refused_with_the_nearest(
    new_home: Callable[..., Home], line: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The floor that was never applied because its key was misspelt."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    file = tmp_path / "configs" / "scanners" / "mine_trend_long.yaml"
    direction = "" if "direction" in line else "direction: LONG\n"
    file.write_text(
        f"extends: [base/equity, presets/trend]\n{direction}title: Mine, trend momentum, long\n{line}\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(
        "lakehouse.paths._shipped", lambda name, _packaged: tmp_path / name if name == "configs" else ROOT / name
    )
    scanners = 'discovery.scanners=["mine_trend_long"]'
    refused = new_home("scanner").call("run", "--profile", "demo", "--run-id", "one", "--set", scanners).ended(2)
    assert "mine_trend_long" in refused.err
    assert message in refused.err


@pytest.mark.parametrize("run_id", ["../x", "..", "x/../../y", "UPPER", "a", "a b", ".hidden", "x" * 65, "ok-id\n"])
def test_a_run_id_outside_the_whitelist_is_refused_before_any_path_is_made(empty: Home, run_id: str) -> None:
    for words in (
        ["run", "--profile", "demo", f"--run-id={run_id}"],
        ["verify", run_id],
        ["clean", f"--run-id={run_id}"],
    ):
        refused = empty.call(*words).ended(2)
        assert "run id" in refused.err, words
    assert nothing_was_made(empty)


def test_a_run_that_is_not_there_is_refused(empty: Home) -> None:
    assert "there is no run 'nobody-here'" in empty.call("verify", "nobody-here").ended(2).err
    assert "no latest" in empty.call("audit").ended(2).err


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("picture.png", b"\x89PNG", "is no table"),
        ("broken.parquet", b"this is no parquet", "is no table that can be read"),
        ("other.csv", b"alpha,beta\n1,2\n", "is no table of bars"),
    ],
)
def test_a_file_that_is_no_table_ends_the_run_and_writes_nothing(
    empty: Home, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    refused = empty.call("run", "--profile", "demo", "--source", "files", "--path", str(tmp_path / name),
                         "--as-of", "2025-12-30").ended(2)  # fmt: skip
    assert message in refused.err
    for table in ("raw.bars", "raw.instruments", "raw.quarantine", "raw.fetches", "scope.runs"):
        assert empty.query(f"select count(*) as n from {table}")["n"][0] == 0, table  # noqa: S608 - the names above


def broken(market: pl.DataFrame, folder: Path) -> None:
    """A folder of bars: a sound file with some bad rows, and a file that lacks a column."""
    last = market.filter(pl.col("symbol") == "SIMX:UTL04", pl.col("session_date") == SAMPLE_AS_OF)
    negative = last.with_columns(
        pl.lit("SIMX:ZZ01").alias("symbol"), *(-pl.col(n) for n in ("open", "high", "low", "close", "adj_close"))
    )
    future = last.with_columns(pl.lit("SIMX:ZZ02").alias("symbol"), pl.lit(dt.date(2031, 3, 3)).alias("session_date"))
    twice = [
        last.with_columns(pl.lit("SIMX:ZZ03").alias("symbol"), pl.col("close") * factor, pl.col("adj_close") * factor)
        for factor in (1.0, 1.0 - 1e-6)
    ]
    nobody = last.with_columns(pl.lit("SIMX:../../etc/passwd").alias("symbol"))
    pl.concat([market, negative, future, *twice, nobody]).write_parquet(folder / "bars.parquet")
    market.filter(pl.col("symbol") == "SIMX:TEC01").head(3).drop("close").with_columns(
        pl.lit("SIMX:ZZ04").alias("symbol")
    ).write_csv(folder / "lacking.csv")


@pytest.fixture(scope="module")
def capped(market: pl.DataFrame, new_home: Callable[..., Home]) -> tuple[Home, Finished]:
    """A run over the broken folder that asks for a cap which cannot be kept."""
    home = new_home("capped")
    (home.work / "bars").mkdir()
    broken(market, home.work / "bars")
    words = [word if word != "market.parquet" else "bars" for word in SMALL]
    return home, home.run(*words, "--run-id", "capped", "--set", "allocation.cap=0.01")


@pytest.mark.parametrize(
    ("symbol", "reason", "n"),
    [
        ("SIMX:ZZ01", "not_positive", 1),
        ("SIMX:ZZ02", "future_session", 1),
        ("SIMX:ZZ03", "duplicate_conflict", 2),
        ("SIMX:ZZ04", "missing_column", 3),
        ("SIMX:../../etc/passwd", "bad_symbol", 1),
    ],
)
def test_broken_rows_go_to_quarantine_with_their_reason(
    capped: tuple[Home, Finished], symbol: str, reason: str, n: int
) -> None:
    home, _ = capped
    kept = home.query(
        "select reason, count(*) as n, count(detail) as said from raw.quarantine where symbol = ? group by all", symbol
    )
    assert kept.rows() == [(reason, n, n)]
    assert home.query("select count(*) as n from raw.bars where symbol = ?", symbol)["n"][0] == 0


def test_the_rest_continues_to_the_optimizer(capped: tuple[Home, Finished], market: pl.DataFrame) -> None:
    home, _ = capped
    done = [step for step, body in home.outcomes("capped").items() if body["status"] == "done"]
    assert done[-1] == "regime"
    sound = market.filter(pl.col("session_date") <= SAMPLE_AS_OF)["symbol"].n_unique()
    assert home.query("select count(distinct symbol) as n from raw.bars")["n"][0] == sound


def test_a_cap_that_cannot_be_kept_names_cap_clusters_and_both_ways_out(capped: tuple[Home, Finished]) -> None:
    home, ended = capped
    ended.ended(1)
    n_clusters = home.query("select count(distinct cluster_id) as n from results.clusters where run_id = 'capped' and "
                            "stage = 'full' and cluster_id > 0")["n"][0]  # fmt: skip
    said = " ".join(ended.err.split())
    assert "0.01" in said
    assert str(n_clusters) in said
    assert "cash_allowed" in said
    assert "cluster" in said
    assert home.query("select count(*) as n from results.weights")["n"][0] == 0
    assert not (home.root / "artifacts" / "summaries" / "latest").exists()
    failed = [line for line in home.ledger("capped") if line["kind"] == "outcome"][-1]
    assert (failed["step"], failed["body"]["status"]) == ("optimize", "failed")
