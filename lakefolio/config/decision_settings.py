"""The manifest as the study's own settings: the one place where flags of the policy are read.

See docs/architecture.md#configuration.
"""

from __future__ import annotations

from analytics.policy import Policy
from analytics.regime.regime_settings import RegimeSettings
from analytics.selection.natural_selection import SelectionRules
from analytics.tournament.simulators import Frictions
from analytics.tournament.tournament_settings import TournamentSettings
from lakefolio.config.manifest import Profile


def policy_of(settings: Profile) -> Policy:
    """What production and the tournament decide by."""
    flags, allocation, dependence = settings.flags, settings.allocation, settings.dependence
    rules = SelectionRules(
        top_n=settings.selection.top_n,
        min_momentum=settings.selection.min_momentum,
        momentum_sessions=settings.selection.momentum_sessions,
        min_history_sessions=settings.data.min_history_sessions,
        min_observations=dependence.min_overlap_sessions,
        class_quota_total=settings.discovery.max_candidates,
        class_quota_min=settings.discovery.quota_min,
        class_quota_max=settings.discovery.quota_max,
        feat_xs_momentum=flags.feat_xs_momentum,
        feat_dynamic_selection=flags.feat_dynamic_selection,
    )
    return Policy(
        rules=rules,
        light_sessions=settings.data.light_sessions,
        full_sessions=settings.data.full_sessions,
        lookback_sessions=dependence.lookback_sessions,
        min_overlap_sessions=dependence.min_overlap_sessions,
        min_history_sessions=settings.data.min_history_sessions,
        linkage=dependence.linkage,
        threshold=dependence.threshold,
        threshold_by_regime={str(name): height for name, height in dependence.threshold_by_regime.items()},
        is_threshold_adaptive=flags.feat_adaptive_threshold,
        covariance=dependence.covariance,
        covariance_halflife_sessions=dependence.ewma_halflife_sessions if dependence.covariance == "ewma" else None,
        cap=allocation.cap,
        instrument_cap=allocation.instrument_cap,
        cash_allowed=allocation.cash_allowed,
        risk_free_rate_annual=allocation.risk_free_rate_annual,
        fragility_penalty=allocation.fragility_penalty if flags.feat_fragility_penalty else 0.0,
        turnover_penalty=allocation.turnover_penalty if flags.feat_turnover_penalty else 0.0,
        is_alpha_weighted=flags.feat_alpha_weighting,
    )


def regime_settings_of(settings: Profile) -> RegimeSettings:
    """What the regime is judged by."""
    return RegimeSettings(
        weights=dict(settings.regime.weights),
        thresholds={str(name): score for name, score in settings.regime.thresholds.items()},
        confirm_sessions=settings.regime.confirm_sessions,
        is_spectral=settings.flags.feat_spectral_regimes,
    )


def tournament_settings_of(
    settings: Profile, *, periods_per_year: int, benchmark: str, held_weights: dict[str, float]
) -> TournamentSettings:
    """How the tournament is held."""
    options = settings.tournament
    return TournamentSettings(
        train=options.train_sessions,
        test=options.test_sessions,
        step=options.step_sessions,
        rebalance=options.rebalance,
        simulators=options.simulators,
        frictions=Frictions(
            slippage_bps=options.slippage_bps,
            commission_bps=options.commission_bps,
            borrow_annual=options.borrow_rate_annual,
            has_short_costs=settings.flags.feat_short_costs,
        ),
        periods_per_year=periods_per_year,
        risk_free_annual=settings.allocation.risk_free_rate_annual,
        benchmark_symbol=benchmark,
        held_weights=held_weights,
        reference_engine="ours" if "ours" in options.engines else None,
        n_samples=options.bootstrap_samples,
    )


def replays_discovery(settings: Profile) -> bool:
    """Whether the tournament finds the universe of every window anew, from what was known then.

    See docs/method/09-tournament.md#9.2.
    """
    return settings.flags.feat_pit_fidelity
