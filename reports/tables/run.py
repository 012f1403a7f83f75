"""Choose the columns of the printed tables of the run itself: steps, audit checks and regime."""

from __future__ import annotations

from reports.tables.printed import PrintedTable

STEPS = PrintedTable(
    "rpt_steps",
    "number step status attempt snapshot_read snapshot_written n_rows seconds inputs_sha256 outputs_sha256",
)
AUDIT_CHECKS = PrintedTable("rpt_gate", "passed check risk_profile value limit detail")
REGIME_COMPONENTS = PrintedTable(
    "rpt_regime",
    "volatility_level drawdown spectral_level volatility_ratio permutation_entropy volatility_clustering "
    "average_correlation long_run_volatility prior_share",
)
"""Components of the regime: the first three decide, the others are shown beside them."""

LIMITS = (
    (
        "Survivorship bias: the universe is what the source knows. An instrument that was delisted before the source was "
        "first read is missing from every window, so past returns are biased upward."
    ),
    (
        "Out-of-sample returns are simulated, not a record of trades; taxes, funding and market impact beyond the stated "
        "costs are not included."
    ),
    "The weights follow from the stated rules and data. They are not investment advice.",
)
"""Limits of every run, printed at the end of the portfolio report."""
