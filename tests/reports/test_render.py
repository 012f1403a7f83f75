"""Reports are complete, escaped, self-contained, and show the values of the tables."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from reports.errors import IncompleteReportError, UnknownReportError
from reports.reader import ReportTables, report_models
from reports.render import REPORTS, render_all, render_report
from reports.text.formats import percent, ratio, scientific

HOSTILE = "<script>alert('x')</script> \"&' | `x` [a](javascript:alert(1))"
SECTIONS = (
    "regime risk-profiles clusters holdings tournament orders health gate solvers provenance limits".split()  # noqa: SIM905
)
VOID = {"meta", "br", "hr", "img", "link", "input"}
SELF_CLOSED = {"rect", "line", "polyline", "circle"}

Change = Callable[[str, str, object], dict[str, pl.DataFrame]]


class Balance(HTMLParser):
    """Every tag is closed by its own; texts, ids and attributes are kept."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in SELF_CLOSED
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def html(tables: ReportTables) -> str:
    return render_report("portfolio_report.html", tables, {"seed": 1, "packages": {"duckdb": "1.5.5"}})


@pytest.fixture
def page(html: str) -> Balance:
    return Balance(html)


def cells(markdown: str) -> list[list[str]]:
    lines = [line for line in markdown.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_all_reports_are_written_and_nothing_else(
    tables: ReportTables, provenance: dict[str, Any], tmp_path: Path
) -> None:
    paths = render_all(tables, provenance, tmp_path)
    assert [path.name for path in paths] == list(REPORTS)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(REPORTS)
    assert all(path.read_text(encoding="utf-8").endswith("\n") for path in paths)


def test_rendering_twice_gives_the_same_bytes(tables: ReportTables, provenance: dict[str, Any], tmp_path: Path) -> None:
    first = [path.read_bytes() for path in render_all(tables, provenance, tmp_path)]
    assert first == [path.read_bytes() for path in render_all(tables, provenance, tmp_path)]


@pytest.mark.parametrize("name", sorted(report_models()))
def test_a_missing_or_empty_table_leaves_nothing_behind(
    name: str, tables: ReportTables, provenance: dict[str, Any], tmp_path: Path
) -> None:
    spoilt = dict(tables)
    if report_models()[name].may_be_empty:
        del spoilt[name]
    else:
        spoilt[name] = tables[name].clear()
    with pytest.raises(IncompleteReportError, match=name):
        render_all(spoilt, provenance, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_leaves_the_others_as_they_were(
    tables: ReportTables, provenance: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "portfolio_report.md").write_text("yesterday", encoding="utf-8")
    (tmp_path / REPORTS[-1]).mkdir()
    with pytest.raises(IsADirectoryError):
        render_all(tables, provenance, tmp_path)
    assert (tmp_path / "portfolio_report.md").read_text(encoding="utf-8") == "yesterday"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["portfolio_report.md", REPORTS[-1]])


def test_an_empty_provenance_is_refused(tables: ReportTables, tmp_path: Path) -> None:
    with pytest.raises(IncompleteReportError, match="provenance"):
        render_all(tables, {}, tmp_path)


def test_an_unknown_report_is_refused_with_the_known_ones(tables: ReportTables, provenance: dict[str, Any]) -> None:
    with pytest.raises(UnknownReportError, match=r"selection_audit\.md"):
        render_report("../secrets.md", tables, provenance)


def test_nothing_to_trade_and_no_barbell_is_a_report_too(tables: ReportTables, provenance: dict[str, Any]) -> None:
    quiet = dict(tables) | {name: tables[name].clear() for name, model in report_models().items() if model.may_be_empty}
    for name in REPORTS:
        render_report(name, quiet, provenance)
    page = Balance(render_report("portfolio_report.html", quiet, provenance))
    assert "There are no orders." in page.text
    assert "Barbell sleeves" not in page.text


def test_the_page_is_balanced_and_has_its_sections_in_order(page: Balance) -> None:
    assert [attrs["id"] for tag, attrs in page.tags if tag == "section"] == SECTIONS
    ids = [attrs["id"] for _, attrs in page.tags if attrs.get("id")]
    assert len(ids) == len(set(ids))
    anchors = {str(attrs["href"])[1:] for tag, attrs in page.tags if tag == "a" and str(attrs["href"]).startswith("#")}
    assert anchors == set(SECTIONS)


def test_the_page_can_be_read_without_seeing_it(page: Balance) -> None:
    assert dict(page.tags)["html"] == {"lang": "en"}
    assert all(attrs.get("scope") in {"col", "row"} for tag, attrs in page.tags if tag == "th")
    figures = [index for index, (tag, _) in enumerate(page.tags) if tag == "svg"]
    assert len(figures) > 50
    assert all(page.tags[index][1].get("role") == "img" for index in figures)
    assert all(page.tags[index + 1][0] == "title" for index in figures)
    tables_of_page = [index for index, (tag, _) in enumerate(page.tags) if tag == "table"]
    assert all(page.tags[index + 1][0] == "caption" for index in tables_of_page)


def test_the_page_loads_nothing_from_outside(html: str, page: Balance) -> None:
    assert not re.search(r"https?:|@import|url\(", html)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    assert not any(
        name in {"src", "srcset", "data"} or name.startswith("on") for _, attrs in page.tags for name in attrs
    )


def test_the_page_follows_the_reader_into_the_dark_and_onto_paper(html: str) -> None:
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("rpt_holdings", "name"),
        ("rpt_holdings", "symbol"),
        ("rpt_cluster_weights", "label"),
        ("rpt_asset_classes", "asset_class"),
        ("rpt_gate", "detail"),
        ("rpt_solves", "message"),
        ("rpt_regime", "deciding_component"),
        ("rpt_summary", "benchmark"),
        ("rpt_wealth", "engine"),
        ("rpt_factor_map", "label"),
        ("rpt_target_achievement", "message"),
    ],
)
def test_a_hostile_name_is_only_a_name(table: str, column: str, with_cell: Change, provenance: dict[str, Any]) -> None:
    html = render_report("portfolio_report.html", with_cell(table, column, HOSTILE), provenance)
    assert "<script" not in html
    page = Balance(html)
    assert "script" not in {tag for tag, _ in page.tags}
    assert "<script>alert('x')</script>" in page.text or table == "rpt_wealth"


def test_a_hostile_provenance_is_only_text(tables: ReportTables) -> None:
    record = {"seed": HOSTILE, "packages": {HOSTILE: HOSTILE}, "notes": [HOSTILE], HOSTILE: 1}
    html = render_report("portfolio_report.html", tables, record)
    assert "<script" not in html
    markdown = render_report("portfolio_report.md", tables, record)
    assert "<script" not in markdown


def test_a_hostile_name_stays_in_its_markdown_cell(with_cell: Change, provenance: dict[str, Any]) -> None:
    frames = with_cell("rpt_selection", "name", HOSTILE + "\n# head")
    markdown = render_report("selection_audit.md", frames, provenance)
    assert "<script" not in markdown
    assert "\n# head" not in markdown
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in rows}) == 1
    assert r"\[a\](javascript" in markdown


@pytest.mark.parametrize("name", REPORTS)
def test_the_simulated_banner_stands_iff_the_market_is_simulated(
    name: str, tables: ReportTables, with_cell: Change, provenance: dict[str, Any]
) -> None:
    banner = "comes from a simulated market"
    assert banner in render_report(name, tables, provenance)
    assert banner not in render_report(name, with_cell("rpt_summary", "is_simulated", False), provenance)


def test_numbers_of_the_portfolio_are_those_of_the_tables(tables: ReportTables, provenance: dict[str, Any]) -> None:
    rows = cells(render_report("portfolio_report.md", tables, provenance))
    by_head = {(row[1], row[6]): row for row in rows if len(row) == 11 and row[0].isdigit()}
    for holding in tables["rpt_holdings"].filter(pl.col("weight_rank") <= 15).iter_rows(named=True):
        row = by_head[(holding["symbol"], percent(holding["weight"]))]
        assert float(row[6].removesuffix(" %")) / 100 == pytest.approx(holding["weight"], abs=5.1e-5)
        assert float(row[7].removesuffix(" %")) / 100 == pytest.approx(holding["net_weight"], abs=5.1e-5)
        assert row[5] == ("long" if holding["direction"] > 0 else "short")
    printed = {tuple(row) for row in rows}
    for solve in tables["rpt_solves"].iter_rows(named=True):
        row = next(row for row in printed if len(row) == 12 and row[0] == solve["risk_profile"].replace("_", " "))
        assert row[5:8] == tuple(scientific(solve[name]) for name in ("primal_residual", "dual_residual", "gap"))
        break
    for check in tables["rpt_gate"].iter_rows(named=True):
        row = next(row for row in rows if row[1] == check["check"].replace("_", " "))
        assert float(row[3]) == pytest.approx(check["value"], rel=1e-9)
        assert float(row[4]) == pytest.approx(check["limit"], rel=1e-9)


def test_the_page_and_the_markdown_print_the_same_weights(
    page: Balance, tables: ReportTables, provenance: dict[str, Any]
) -> None:
    markdown = render_report("portfolio_report.md", tables, provenance)
    for weight in tables["rpt_cluster_weights"]["weight"]:
        assert percent(weight) in page.text
        assert percent(weight) in markdown


def test_the_selection_audit_names_every_candidate(tables: ReportTables, provenance: dict[str, Any]) -> None:
    rows = cells(render_report("selection_audit.md", tables, provenance))[1:]
    printed = {row[1]: row for row in rows if not row[0].startswith("---")}
    assert set(printed) == set(tables["rpt_selection"]["symbol"])
    for candidate in tables["rpt_selection"].iter_rows(named=True):
        row = printed[candidate["symbol"]]
        assert row[0] == ("yes" if candidate["is_selected"] else "no")
        assert float(row[11]) == pytest.approx(candidate["score"], abs=5.1e-4)
        assert row[-1] == candidate["reason"]


def test_the_engine_comparison_says_which_cells_have_no_answer(
    tables: ReportTables, provenance: dict[str, Any]
) -> None:
    markdown = render_report("engine_comparison_report.md", tables, provenance)
    section = markdown.split("## Cells without a result")[1].split("## ")[0]
    assert "NCO" in section
    assert "window 3: K * cap = 0.75 &lt; 1".replace("*", r"\*") in section
    assert "the market has one portfolio" in section
    assert "unsupported" not in render_report("portfolio_report.md", tables, provenance)
    best = tables["rpt_engines"].filter(simulator="realized").row(0, named=True)
    assert ratio(best["sharpe"]) in markdown


def test_decay_is_shown_only_with_its_flag(tables: ReportTables, provenance: dict[str, Any]) -> None:
    for name in ("portfolio_report.html", "portfolio_report.md", "backtest_comparison.md"):
        assert "Decay" in render_report(name, tables, provenance)
        assert "Decay" not in render_report(name, tables, provenance, is_decay_shown=False)


def test_windows_are_listed_with_both_regimes(tables: ReportTables, provenance: dict[str, Any]) -> None:
    rows = cells(render_report("backtest_comparison.md", tables, provenance))
    windows = {row[0]: row for row in rows if len(row) == 11 and row[0].isdigit()}
    assert len(windows) == tables["rpt_windows"].height == 25
    assert windows["3"][5:7] == ["CRISIS", "NORMAL"]
    assert all(dt.date.fromisoformat(row[3]) > dt.date.fromisoformat(row[2]) for row in windows.values())


def test_the_cluster_analysis_lists_members_and_who_was_left_out(
    tables: ReportTables, provenance: dict[str, Any]
) -> None:
    markdown = render_report("cluster_analysis.md", tables, provenance)
    for symbol in tables["rpt_cluster_members"]["symbol"]:
        assert markdown.count(symbol) >= 2
    assert markdown.count("### Excluded instruments") == 2
    assert "fewer than 20 common sessions" in markdown


def test_the_health_report_names_gaps_and_quarantined_bars(tables: ReportTables, provenance: dict[str, Any]) -> None:
    markdown = render_report("data_health.md", tables, provenance)
    assert "2025-11-12, 2025-11-13" in markdown
    assert "unconfirmed jump" in markdown
    order = [row[0] for row in cells(markdown) if row[0] in {"MISSING", "INVALID", "STALE", "GAPS", "SHORT", "OK"}]
    assert order[:6] == ["MISSING", "INVALID", "STALE", "GAPS", "SHORT", "OK"]


def section(markdown: str, head: str) -> str:
    return markdown.split(f"\n## {head}", 1)[1].partition("\n## ")[0]


def test_the_cut_in_use_is_the_one_that_is_marked(tables: ReportTables, provenance: dict[str, Any]) -> None:
    markdown = section(render_report("cluster_analysis.md", tables, provenance), "Sensitivity to the cut")
    rows = {row[0]: row for row in cells(markdown) if row[0].startswith("0.")}
    assert len(rows) == 17
    assert [cut for cut, row in rows.items() if row[-1] == "yes"] == ["0.40"]
    assert rows["0.10"][3] == "\N{EN DASH}"


def test_drift_names_its_alerts_and_what_could_not_be_compared(
    tables: ReportTables, provenance: dict[str, Any], with_cell: Change
) -> None:
    drift = section(render_report("cluster_analysis.md", tables, provenance), "Drift between")
    alerts = [row[0] for row in cells(drift) if row[-1] == "yes"]
    assert alerts == ["7", "8"]
    assert "adjusted Rand index of 0.83" in drift
    refused = with_cell("rpt_cluster_drift", "message", "Halves of 10 sessions are too short.")
    for name in ("cluster_analysis.md", "portfolio_report.md", "portfolio_report.html"):
        assert "Halves of 10 sessions are too short." in render_report(name, refused, provenance)


def test_sub_clusters_anchors_pairs_and_repeats_are_listed(tables: ReportTables, provenance: dict[str, Any]) -> None:
    markdown = render_report("cluster_analysis.md", tables, provenance)
    assert markdown.count("### Sub-clusters of the") == 2
    anchors = section(markdown, "Hedge anchors")
    assert "### Against the market\n" in anchors
    assert "### Against the crypto hub (SIMCRYPTO_A:CRY" in anchors
    for symbol in tables["rpt_hedge_anchors"]["symbol"]:
        assert symbol in anchors
    correlations = section(markdown, "Correlations of the winners")
    assert "### Highest pairs" in correlations
    assert "### Lowest pairs" in correlations
    repeats = correlations.split("### Redundant winners")[1]
    assert len([row for row in cells(repeats) if row[0].startswith("SIM")]) == 4


def test_target_achievement_and_alpha_isolation_are_printed_with_their_figures(
    tables: ReportTables, provenance: dict[str, Any]
) -> None:
    markdown = render_report("engine_comparison_report.md", tables, provenance)
    outcomes = {(row[0], row[2]) for row in cells(section(markdown, "Target achievement")) if len(row) == 4}
    assert ("min variance", "ACHIEVED") in outcomes
    assert ("risk parity", "MISSED") in outcomes
    orders = [row for row in cells(section(markdown, "Target achievement")) if len(row) == 9]
    assert {"yes", "no"} < {row[6] for row in orders}
    isolation = section(markdown, "Alpha isolation")
    row_key = {"simulator": "realized", "risk_profile": "hrp", "metric": "mean_annual"}
    row = tables["rpt_alpha_isolation"].filter(**row_key).row(0, named=True)
    printed = next(cell for cell in cells(isolation) if cell[0] == "HRP")
    assert printed[1] == percent(row["raw_pool"])
    assert float(printed[4].removesuffix(" %")) / 100 == pytest.approx(row["selected"] - row["raw_pool"], abs=5.1e-5)


def test_the_page_maps_every_winner_once(page: Balance, tables: ReportTables) -> None:
    dots = [attrs["class"] for tag, attrs in page.tags if tag == "circle"]
    assert len(dots) == tables["rpt_factor_map"].height
    shorts = tables["rpt_factor_map"].filter(direction=-1).height
    assert sum("hollow" in str(css) for css in dots) == shorts > 0
    for symbol in tables["rpt_factor_map"]["symbol"]:
        assert f"{symbol}, " in page.text


def test_the_page_marks_the_cut_in_use_and_prints_the_outcomes(page: Balance) -> None:
    assert "0.40in use" in page.text
    for outcome in ("ACHIEVED", "MISSED", "INSUFFICIENT"):
        assert outcome in page.text
