"""What the tables of `raw` and `results` hold: columns, types, grain (house.md 2).

DuckLake enforces NOT NULL and nothing else, so a grain is checked at the write path for each batch and by dbt tests on
the whole table. A column is `volatile` when it tells when or how fast, not what: content hashes leave it out, since two
runs of the same data must hash alike (quant.md 11.2).
"""

from __future__ import annotations

from dataclasses import dataclass, field

SYMBOL, DATE, TIME, TEXT = "VARCHAR", "DATE", "TIMESTAMP", "VARCHAR"
FLOAT, INT, FLAG = "DOUBLE", "BIGINT", "BOOLEAN"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a contract; `type` is a DuckDB type name."""

    name: str
    type: str
    nullable: bool = True
    volatile: bool = False


@dataclass(frozen=True, slots=True)
class TableContract:
    """One table: its columns in order and the columns that make a row unique.

    An empty grain means that rows are events and need no key.
    """

    schema: str
    name: str
    columns: tuple[Column, ...]
    grain: tuple[str, ...] = ()
    names: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(column.name for column in self.columns))

    @property
    def qualified_name(self) -> str:
        """`schema.table`, as SQL inside the lake names it."""
        return f"{self.schema}.{self.name}"

    @property
    def hashed_columns(self) -> tuple[str, ...]:
        """The columns that a content hash covers."""
        return tuple(column.name for column in self.columns if not column.volatile)


def _table(schema: str, name: str, grain: str, *columns: Column) -> TableContract:
    keys = tuple(grain.split())
    return TableContract(schema, name, columns, keys)


def _key(name: str, kind: str = TEXT) -> Column:
    return Column(name, kind, nullable=False)


def _many(kind: str, names: str) -> tuple[Column, ...]:
    return tuple(Column(name, kind) for name in names.split())


_RUN = Column("run_id", TEXT, nullable=False, volatile=True)
_AT = Column("fetched_at", TIME, nullable=False, volatile=True)

RAW: tuple[TableContract, ...] = (
    _table(
        "raw",
        "scans",
        "run_id scanner symbol",
        _RUN,
        _key("scanner"),
        _key("symbol", SYMBOL),
        _key("session_date", DATE),
        _key("source"),
        *_many(TEXT, "asset_class product venue direction strategy"),
        Column("rank", INT),
        *_many(
            FLOAT,
            "close volume value_traded_usd market_cap_usd adx rsi stoch_k atr volatility_d recommend_all "
            "perf_w perf_1m perf_3m perf_6m",
        ),
        Column("payload", TEXT),
        Column("scanned_at", TIME, nullable=False, volatile=True),
    ),
    _table(
        "raw",
        "bars",
        "symbol interval session_date source",
        _key("symbol", SYMBOL),
        _key("interval"),
        _key("session_date", DATE),
        _key("source"),
        *_many(FLOAT, "open high low close volume adj_close"),
        Column("is_close_only", FLAG, nullable=False),
        Column("is_final", FLAG, nullable=False),
        Column("fetch_id", TEXT, volatile=True),
        _AT,
        Column("first_seen_at", TIME, nullable=False, volatile=True),
    ),
    _table(
        "raw",
        "instruments",
        "symbol source valid_from",
        _key("symbol", SYMBOL),
        _key("source"),
        _key("venue"),
        _key("ticker"),
        _key("asset_class"),
        _key("product"),
        *_many(TEXT, "name base quote root isin country currency sector industry"),
        *_many(FLOAT, "lot_size tick_size"),
        Column("is_close_only", FLAG, nullable=False),
        Column("first_session", DATE),
        Column("content_hash", TEXT, nullable=False),
        Column("valid_from", TIME, nullable=False),
        Column("valid_to", TIME),
    ),
    _table(
        "raw",
        "sessions",
        "calendar session_date",
        _key("calendar"),
        _key("session_date", DATE),
        Column("opens_at", TIME, nullable=False),
        Column("closes_at", TIME, nullable=False),
    ),
    _table(
        "raw",
        "fetches",
        "fetch_id",
        Column("fetch_id", TEXT, nullable=False, volatile=True),
        _RUN,
        _key("source"),
        Column("symbol", TEXT),
        _key("interval"),
        _key("status"),
        Column("requested_from", DATE),
        Column("requested_to", DATE),
        Column("n_bars", INT),
        Column("n_quarantined", INT),
        Column("attempt", INT),
        Column("error", TEXT),
        Column("started_at", TIME, nullable=False, volatile=True),
        Column("seconds", FLOAT, volatile=True),
    ),
    _table(
        "raw",
        "quarantine",
        "",
        Column("fetch_id", TEXT, nullable=False, volatile=True),
        _key("source"),
        _key("symbol", SYMBOL),
        _key("interval"),
        Column("session_date", DATE),
        _key("reason"),
        Column("detail", TEXT),
        *_many(FLOAT, "open high low close volume adj_close"),
        Column("row_number", INT),
        _AT,
    ),
)

RESULTS: tuple[TableContract, ...] = (
    _table(
        "results",
        "runs",
        "run_id",
        _RUN,
        _key("profile"),
        _key("source"),
        Column("as_of", DATE, nullable=False),
        Column("as_of_at", TIME, nullable=False),
        *_many(INT, "light_sessions full_sessions settle_minutes max_stale_sessions"),
        Column("min_history_sessions", INT),
        Column("benchmark", TEXT),
        Column("excluded_symbols", TEXT),
        Column("strict_health", FLAG),
        Column("is_simulated", FLAG),
        Column("manifest_sha256", TEXT),
        Column("started_at", TIME, nullable=False, volatile=True),
    ),
    _table(
        "results",
        "steps",
        "run_id step attempt",
        _RUN,
        _key("step"),
        Column("number", INT),
        Column("attempt", INT, nullable=False, volatile=True),
        _key("status"),
        Column("snapshot_read", INT, volatile=True),
        Column("snapshot_written", INT, volatile=True),
        Column("n_rows", INT),
        Column("inputs_sha256", TEXT, volatile=True),
        Column("outputs_sha256", TEXT, volatile=True),
        Column("error", TEXT),
        Column("started_at", TIME, nullable=False, volatile=True),
        Column("seconds", FLOAT, volatile=True),
    ),
    _table(
        "results",
        "health",
        "run_id stage symbol",
        _RUN,
        _key("stage"),
        _key("symbol"),
        _key("status"),
        *_many(INT, "n_expected n_present n_gaps n_quarantined"),
        Column("n_stale_sessions", INT),
        *_many(DATE, "first_session last_session"),
        Column("is_judged", FLAG),
    ),
    _table(
        "results",
        "selection",
        "run_id symbol",
        _RUN,
        _key("symbol"),
        _key("identity"),
        Column("cluster_id", INT),
        Column("direction", INT, nullable=False),
        *_many(TEXT, "asset_class sector"),
        *_many(
            FLOAT,
            "momentum volatility_annual convexity liquidity "
            "momentum_rank stability_rank convexity_rank liquidity_rank score",
        ),
        Column("identity_rank", INT),
        Column("passed_gate", FLAG),
        Column("is_recent_listing", FLAG),
        Column("is_selected", FLAG, nullable=False),
        _key("reason"),
    ),
    _table(
        "results",
        "clusters",
        "run_id stage symbol",
        _RUN,
        _key("stage"),
        _key("symbol"),
        Column("cluster_id", INT),
        Column("subcluster_id", INT),
        Column("leaf_order", INT),
        Column("label", TEXT),
        *_many(FLOAT, "purity threshold min_correlation mean_correlation"),
        *_many(TEXT, "linkage regime reason"),
    ),
    _table(
        "results",
        "cluster_links",
        "run_id stage link",
        _RUN,
        _key("stage"),
        Column("link", INT, nullable=False),
        *_many(INT, "left_node right_node"),
        Column("height", FLOAT),
        Column("size", INT),
    ),
    _table(
        "results",
        "risk",
        "run_id stage symbol",
        _RUN,
        _key("stage"),
        _key("symbol"),
        *_many(FLOAT, "volatility_annual var95 cvar95 max_drawdown skew tail_ratio convexity fragility"),
        Column("fragility_level", TEXT),
        Column("n_sessions", INT),
    ),
    _table(
        "results",
        "regimes",
        "run_id stage session_date",
        _RUN,
        _key("stage"),
        _key("session_date", DATE),
        _key("regime"),
        Column("score", FLOAT),
        *_many(
            FLOAT,
            "volatility_ratio dwt_turbulence volatility_clustering permutation_entropy drawdown average_correlation "
            "volatility_ratio_percentile dwt_turbulence_percentile volatility_clustering_percentile "
            "permutation_entropy_percentile drawdown_percentile average_correlation_percentile",
        ),
        Column("calibration", TEXT),
    ),
    _table(
        "results",
        "solves",
        "run_id profile engine",
        _RUN,
        _key("profile"),
        _key("engine"),
        _key("status"),
        Column("solver", TEXT),
        Column("iterations", INT),
        *_many(FLOAT, "primal_residual dual_residual gap objective"),
        Column("binding", TEXT),
        Column("covariance", TEXT),
        Column("message", TEXT),
        Column("seconds", FLOAT, volatile=True),
    ),
    _table(
        "results",
        "cluster_weights",
        "run_id profile cluster_id sleeve",
        _RUN,
        _key("profile"),
        _key("cluster_id", INT),
        _key("sleeve"),
        *_many(FLOAT, "weight cap risk_contribution"),
        Column("label", TEXT),
        Column("n_members", INT),
    ),
    _table(
        "results",
        "weights",
        "run_id profile symbol",
        _RUN,
        _key("profile"),
        _key("symbol"),
        _key("identity"),
        _key("asset_class"),
        _key("cluster_id", INT),
        _key("sleeve"),
        Column("direction", INT, nullable=False),
        Column("weight", FLOAT, nullable=False),
        Column("net_weight", FLOAT, nullable=False),
        Column("venue", TEXT),
        Column("is_recent_listing", FLAG),
    ),
    _table(
        "results",
        "drift",
        "run_id profile symbol",
        _RUN,
        _key("profile"),
        _key("symbol"),
        *_many(FLOAT, "held_weight target_weight drift"),
        Column("action", TEXT),
        Column("portfolio_action", TEXT),
        Column("turnover", FLOAT),
    ),
    _table(
        "results",
        "orders",
        "run_id profile symbol side",
        _RUN,
        _key("profile"),
        _key("symbol"),
        Column("venue", TEXT),
        _key("side"),
        *_many(FLOAT, "weight_change target_weight notional last_price quantity"),
    ),
    _table(
        "results",
        "tournament_windows",
        "run_id window",
        _RUN,
        Column("window", INT, nullable=False),
        *_many(DATE, "train_start train_end test_start test_end"),
        Column("regime", TEXT),
        Column("realised_regime", TEXT),
        *_many(INT, "n_candidates n_selected n_clusters"),
        Column("message", TEXT),
    ),
    _table(
        "results",
        "tournament_returns",
        "run_id engine profile simulator session_date",
        _RUN,
        _key("engine"),
        _key("profile"),
        _key("simulator"),
        _key("session_date", DATE),
        Column("window", INT, nullable=False),
        Column("return", FLOAT),
    ),
    _table(
        "results",
        "tournament_metrics",
        "run_id engine profile simulator metric",
        _RUN,
        _key("engine"),
        _key("profile"),
        _key("simulator"),
        _key("status"),
        _key("metric"),
        Column("value", FLOAT),
        Column("message", TEXT),
    ),
    _table(
        "results",
        "audit_checks",
        "run_id check profile",
        _RUN,
        _key("check"),
        _key("profile"),
        *_many(FLOAT, "value limit"),
        Column("passed", FLAG, nullable=False),
        Column("detail", TEXT),
    ),
)

CONTRACTS: dict[str, TableContract] = {contract.qualified_name: contract for contract in RAW + RESULTS}
