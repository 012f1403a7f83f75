"""Settings of every decision: one frozen object per concern, each defined once.

See docs/architecture.md#configuration.

The manifest's profiles are made of these objects, and functions that decide take them whole. Lengths are in sessions,
costs in basis points of the traded notional, rates and shares are fractions.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from analytics.errors import InputError

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=1)]
Sessions = Annotated[int, Field(ge=1, le=20_000)]
Cost = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
EngineName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
RegimeName = Literal["QUIET", "NORMAL", "TURBULENT", "CRISIS"]
RiskProfile = Literal[
    "min_variance", "risk_parity", "max_sharpe", "barbell", "hrp", "hrp_plain", "herc", "nco", "min_cvar",
    "max_diversification", "inverse_volatility", "equal_weight",
]  # fmt: skip

REGIMES: tuple[RegimeName, ...] = get_args(RegimeName)
OURS, MARKET, EQUAL_WEIGHT = "ours", "market", "equal_weight"
BUILT_IN_ENGINES = (OURS, MARKET, EQUAL_WEIGHT)
BASIS_POINT = 1e-4


class Settings(BaseModel):
    """Base of all settings: frozen, and closed to unknown names."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Flags(Settings):
    """Feature flags: each is read in one place and changes one thing.

    See docs/architecture.md#configuration.
    """

    feat_turnover_penalty: bool = Field(True, description="Whether the turnover term lambda enters the allocation.")
    feat_partial_rebalance: bool = Field(True, description="Whether trades below 1 % are skipped.")
    feat_xs_momentum: bool = Field(
        True, description="Whether the execution score ranks over the pool; off, min-max inside the cluster."
    )
    feat_spectral_regimes: bool = Field(
        True, description="Whether the spectral level may raise NORMAL to TURBULENT; off, there is no TURBULENT."
    )
    feat_decay_audit: bool = Field(True, description="Whether the reports show idealized less realized.")
    feat_audit_ledger: bool = Field(True, description="Whether the run keeps a signed ledger.")
    feat_pit_fidelity: bool = Field(
        True, description="Whether the tournament finds the universe of each window from what was known then."
    )
    feat_dynamic_selection: bool = Field(False, description="Whether N of each cluster follows its mean correlation.")
    feat_short_costs: bool = Field(True, description="Whether shorts pay the borrow rate in simulations.")
    feat_fragility_penalty: bool = Field(True, description="Whether volatilities are adjusted for tails (gamma).")
    feat_alpha_weighting: bool = Field(
        True, description="Whether the blend inside a cluster contains the momentum rank."
    )
    feat_intermarket_sentiment: bool = Field(False, description="Whether currencies scale crypto and equity exposure.")
    feat_adaptive_threshold: bool = Field(True, description="Whether the cut height follows the regime.")


class QuotaSettings(Settings):
    """Number of candidates that each asset class may send on.

    See docs/method/05-discovery-selection.md#5.3.
    """

    max_candidates: Count = Field(
        240, description="Q of docs/method/05-discovery-selection.md#5.3, over all asset classes."
    )
    quota_min: int = Field(4, ge=0, description="Smallest quota of an asset class.")
    quota_max: Count = Field(120, description="Largest quota of an asset class.")


class DataSettings(Settings):
    """Depth and health of price history.

    See docs/method/01-time-sessions-bars.md.
    """

    light_sessions: Sessions = Field(60, description="Grid sessions of the light pass.")
    full_sessions: Sessions = Field(500, description="Grid sessions of the full pass.")
    min_history_sessions: Sessions = Field(
        60, description="Shortest history an instrument may have (docs/method/02-returns.md#2.4)."
    )
    settle_minutes: int = Field(
        10,
        ge=0,
        description="Minutes after the close before a bar is final (docs/method/01-time-sessions-bars.md#1.3).",
    )
    max_stale_sessions: int = Field(
        2, ge=0, description="Expected sessions a last bar may be old (docs/method/01-time-sessions-bars.md#1.6)."
    )
    backfill: bool = Field(True, description="Whether sources are asked for history before the first bar that is held.")
    gap_fill: bool = Field(True, description="Whether sources are asked for sessions that are missing between bars.")
    strict_health: bool = Field(True, description="Whether a health problem of a winner ends the run with exit 3.")


class DependenceSettings(Settings):
    """Measurement of co-movement, and the cut into clusters.

    See docs/method/03-dependence.md, docs/method/04-clusters.md.
    """

    lookback_sessions: tuple[Count, ...] = Field((60, 120, 200), description="Lookbacks of the clustering distance.")
    min_overlap_sessions: int = Field(20, ge=3, description="Fewest common sessions of a pair.")
    covariance: Literal["sample", "ledoit_wolf", "qis", "rie", "denoised", "ewma", "ewma_qis"] = Field(
        "ewma", description="Estimator (docs/decisions/0014-covariance-default.md)."
    )
    shrinkage_target: Literal["constant_correlation", "identity", "single_factor"] = Field(
        "constant_correlation", description="Target of `ledoit_wolf`."
    )
    ewma_halflife_sessions: float = Field(60.0, ge=1.0, description="Half-life of `ewma` and `ewma_qis`.")
    linkage: Literal["ward", "average", "complete", "single"] = Field("ward", description="Linkage of the clusters.")
    threshold: float = Field(0.40, gt=0.0, description="Cut height when feat_adaptive_threshold is off.")
    threshold_by_regime: dict[RegimeName, float] = Field(
        default={"QUIET": 0.50, "NORMAL": 0.40, "TURBULENT": 0.35, "CRISIS": 0.30}, description="Cut height by regime."
    )

    @property
    def covariance_halflife_sessions(self) -> float | None:
        """Half-life of the estimator in use; None for an estimator without one."""
        return self.ewma_halflife_sessions if self.covariance in ("ewma", "ewma_qis") else None

    def threshold_for(self, regime: str, flags: Flags) -> float:
        """Look up the cut height that is used in a regime.

        See docs/method/04-clusters.md#4.1.

        Parameters
        ----------
        regime : str
            `QUIET`, `NORMAL`, `TURBULENT` or `CRISIS`.
        flags : Flags
            Without `feat_adaptive_threshold` every regime has the height `threshold`.

        Returns
        -------
        float
            In the unit of the distance.

        Raises
        ------
        InputError
            The regime has no cut height.

        Examples
        --------
        >>> from analytics.settings import DependenceSettings, Flags
        >>> DependenceSettings().threshold_for("CRISIS", Flags())
        0.3
        >>> DependenceSettings().threshold_for("CRISIS", Flags(feat_adaptive_threshold=False))
        0.4
        """
        if not flags.feat_adaptive_threshold:
            return self.threshold
        heights = {str(name): height for name, height in self.threshold_by_regime.items()}
        if regime not in heights:
            raise InputError(f"no cut height for regime {regime!r}; there are {', '.join(heights)}")
        return heights[regime]


class SelectionSettings(Settings):
    """Rules by which candidates become winners.

    See docs/method/05-discovery-selection.md#5.5 to 5.7.
    """

    top_n: Count = Field(3, description="Longs and shorts taken from each cluster.")
    min_momentum: float = Field(-0.05, description="Floor of the cumulative directional return.")
    momentum_sessions: Count = Field(60, description="Sessions of the momentum gate.")


class RegimeSettings(Settings):
    """Cuts and windows by which the market stream becomes a state; calibrated on data before 2016 and frozen.

    See docs/method/07-regime.md#7.2, 7.3.

    `docs/decisions/0013-regime-by-level.md` has the figures and `scripts/calibrate_regime.py` repeats them. A level
    compares with the stream's own long-run median, so that 1 is usual.
    """

    half_life_sessions: Count = Field(10, description="Half-life of the volatility whose level decides.")
    prior_volatility: dict[str, Annotated[float, Field(gt=0.0, lt=1.0)]] = Field(
        default={
            "equity": 0.0115, "etf": 0.0088, "index": 0.0088, "crypto": 0.0278, "fx": 0.0053, "cfd": 0.0093,
            "pool": 0.0079,
        },
        description="Long-run median of the daily volatility by kind of stream, before its own history is known.",
    )  # fmt: skip
    prior_sessions: Cost = Field(750.0, description="Sessions that the prior counts for in the long-run median.")
    quiet_below: float = Field(0.9, gt=0.0, description="Level below which a market without a drawdown is QUIET.")
    turbulent_from: float = Field(1.5, gt=0.0, description="Lowest level of TURBULENT.")
    crisis_from: float = Field(2.0, gt=0.0, description="Lowest level of CRISIS.")
    spectral_from: float = Field(1.5, gt=0.0, description="Lowest spectral level that raises NORMAL to TURBULENT.")
    quiet_drawdown: Fraction = Field(0.1, description="Drawdown from which no session is QUIET.")
    crisis_drawdown: Fraction = Field(0.2, description="Drawdown from which TURBULENT by level is CRISIS.")
    confirm_sessions: Count = Field(5, description="Sessions below its cut after which a state is left.")

    @model_validator(mode="after")
    def _cuts_rise(self) -> RegimeSettings:
        if not self.quiet_below < self.turbulent_from < self.crisis_from:
            cuts = f"{self.quiet_below}, {self.turbulent_from}, {self.crisis_from}"
            raise ValueError(f"regime.quiet_below, turbulent_from and crisis_from must rise; they are {cuts}")
        return self

    def prior_for(self, kind: str) -> float:
        """Look up the long-run volatility that a kind of stream starts from.

        See docs/method/07-regime.md#7.2.

        Parameters
        ----------
        kind : str
            Asset class of the benchmark, or `pool`.

        Returns
        -------
        float
            Standard deviation of a session's return as a fraction.

        Raises
        ------
        InputError
            No prior is known for this kind.

        Examples
        --------
        >>> from analytics.settings import RegimeSettings
        >>> RegimeSettings().prior_for("crypto")
        0.0278
        """
        if kind not in self.prior_volatility:
            known = ", ".join(self.prior_volatility)
            raise InputError(
                f"regime.prior_volatility has no entry for a market stream of kind {kind!r} (it has {known}): "
                "add its usual daily volatility, or name another benchmark"
            )
        return self.prior_volatility[kind]


class AllocationSettings(Settings):
    """Portfolios to build, and what limits and shapes their weights.

    See docs/method/08-allocation.md.
    """

    risk_profiles: tuple[RiskProfile, ...] = Field(min_length=1, description="Portfolios to build.")
    cap: float = Field(0.25, gt=0.0, le=1.0, description="Largest weight of one cluster.")
    instrument_cap: float | None = Field(
        0.10, gt=0.0, le=1.0, description="Largest weight of one instrument, never below 2 / N; null for none."
    )
    cash_allowed: bool = Field(False, description="Whether what the caps leave over may stay in cash.")
    risk_free_rate_annual: float = Field(0.0, description="Annual rate of max_sharpe and of the metrics.")
    fragility_penalty: float = Field(
        0.5, ge=0.0, le=1.0, description="Exponent of CVaR in a volatility, gamma of docs/method/08-allocation.md#8.2."
    )
    turnover_penalty: float = Field(
        0.05, ge=0.0, description="Extra risk accepted per unit traded, lambda of docs/method/08-allocation.md#8.2."
    )
    portfolio_value_usd: float = Field(1_000_000.0, gt=0.0, description="What a weight of 1 is worth, for orders.")

    def instrument_cap_for(self, n_selected: int) -> float | None:
        """Return the largest weight of one of N selected instruments.

        See docs/method/08-allocation.md#8.2.

        Parameters
        ----------
        n_selected : int
            Instruments that the selection kept, N.

        Returns
        -------
        float or None
            `instrument_cap`, at least twice the equal weight and at most 1; None without a cap.

        Examples
        --------
        >>> from analytics.settings import AllocationSettings
        >>> settings = AllocationSettings(risk_profiles=("hrp",), instrument_cap=0.10)
        >>> settings.instrument_cap_for(50), settings.instrument_cap_for(8), settings.instrument_cap_for(1)
        (0.1, 0.25, 1.0)
        """
        if self.instrument_cap is None:
            return None
        return min(max(self.instrument_cap, 2.0 / max(n_selected, 1)), 1.0)

    def fragility_penalty_for(self, flags: Flags) -> float:
        """Return gamma of docs/method/08-allocation.md#8.2, 0 without `feat_fragility_penalty`."""
        return self.fragility_penalty if flags.feat_fragility_penalty else 0.0

    def turnover_penalty_for(self, flags: Flags) -> float:
        """Return lambda of docs/method/08-allocation.md#8.2, 0 without `feat_turnover_penalty`."""
        return self.turnover_penalty if flags.feat_turnover_penalty else 0.0


class TournamentSettings(Settings):
    """The walk-forward tournament: its windows, engines, simulators and frictions.

    See docs/method/09-tournament.md.
    """

    train_sessions: Count = Field(252, description="Sessions a decision may see.")
    test_sessions: Count = Field(20, description="Sessions a decision is held.")
    step_sessions: Count = Field(20, description="Sessions between two decisions.")
    engines: tuple[EngineName, ...] = Field(
        BUILT_IN_ENGINES, min_length=1, description="ours, market, equal_weight, or entry points of lakefolio.engines."
    )
    simulators: tuple[Literal["idealized", "realized"], ...] = Field(("idealized", "realized"), min_length=1)
    rebalance: Literal["window", "daily"] = Field("window", description="Whether holdings drift inside a window.")
    slippage_bps: Cost = Field(5.0, description="Cost of traded notional.")
    commission_bps: Cost = Field(1.0, description="Cost of traded notional.")
    borrow_rate_annual: Cost = Field(0.02, description="Cost of shorts held, a year.")
    bootstrap_samples: Count = Field(500, description="Samples of the stationary bootstrap.")

    @model_validator(mode="after")
    def _trades_can_be_paid(self) -> TournamentSettings:
        if self.trade_rate >= 0.5:
            raise ValueError(f"trading costs {self.trade_rate:.2%} of the traded notional; below 50 % is needed")
        return self

    @property
    def trade_rate(self) -> float:
        """Cost of a trade as a fraction of its notional.

        Examples
        --------
        >>> from analytics.settings import TournamentSettings
        >>> round(TournamentSettings(slippage_bps=5.0, commission_bps=1.0).trade_rate, 6)
        0.0006
        """
        return (self.slippage_bps + self.commission_bps) * BASIS_POINT

    def borrow_rate(self, flags: Flags) -> float:
        """Return the cost of a short as a fraction of its notional a year, 0 without `feat_short_costs`."""
        return self.borrow_rate_annual if flags.feat_short_costs else 0.0


class DecisionSettings(Settings):
    """Settings of a decision: everything it depends on besides the data.

    See docs/method/08-allocation.md#8.1.

    Examples
    --------
    >>> from analytics.settings import DataSettings, DecisionSettings
    >>> DecisionSettings(data=DataSettings(light_sessions=120)).cut_height("NORMAL")
    0.4
    """

    data: DataSettings = DataSettings()
    discovery: QuotaSettings = QuotaSettings()
    dependence: DependenceSettings = DependenceSettings()
    selection: SelectionSettings = SelectionSettings()
    regime: RegimeSettings = RegimeSettings()
    allocation: AllocationSettings = AllocationSettings(risk_profiles=("min_variance",))
    tournament: TournamentSettings = TournamentSettings()
    flags: Flags = Flags()

    @model_validator(mode="after")
    def _windows_make_sense(self) -> DecisionSettings:
        if self.tournament.step_sessions < self.tournament.test_sessions:
            raise ValueError(
                "tournament.step_sessions is below test_sessions: test windows would overlap "
                "(docs/method/09-tournament.md#9.1)"
            )
        if self.data.light_sessions > self.data.full_sessions:
            raise ValueError("data.light_sessions is above full_sessions")
        return self

    @property
    def replays_discovery(self) -> bool:
        """True where the tournament runs the scanners again at every decision session (`feat_pit_fidelity`).

        See docs/method/09-tournament.md#9.2.
        """
        return self.flags.feat_pit_fidelity

    def trade_cost_annual(self, periods_per_year: float) -> float:
        """Compute the annual return that one unit traded at every rebalance costs.

        See docs/method/08-allocation.md#8.2.

        Parameters
        ----------
        periods_per_year : float
            Sessions a year.

        Returns
        -------
        float
            Trade rate times rebalances a year; 0 without `feat_turnover_penalty`.

        Examples
        --------
        >>> from analytics.settings import DecisionSettings
        >>> round(DecisionSettings().trade_cost_annual(252), 6)
        0.00756
        """
        if not self.flags.feat_turnover_penalty:
            return 0.0
        return self.tournament.trade_rate * periods_per_year / self.tournament.step_sessions

    def cut_height(self, regime: str) -> float:
        """Look up the height at which the tree is cut in a regime, as `DependenceSettings.threshold_for`."""
        return self.dependence.threshold_for(regime, self.flags)
