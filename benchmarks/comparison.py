"""Compare every task, size and peer: results are checked first, and timed only where both sides are correct."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from benchmarks import ours
from benchmarks.accuracy import CHECKS, OUR_TOLERANCE, PEER_TOLERANCE, Accuracy, Answer, Tolerance
from benchmarks.inputs import STEP_SESSIONS, TRAIN_SESSIONS, Market, simulate
from benchmarks.peers import PEERS, Works, load
from benchmarks.stopwatch import Seconds, time_in_turn

WORKS = (
    "min_variance",
    "max_sharpe",
    "risk_parity",
    "hrp",
    "min_cvar",
    "clusters",
    "ledoit_wolf",
    "metrics",
    "walk_forward_min_variance",
    "walk_forward_hrp",
)
#: Tasks timed together with the named one, in whose rows or variants they are shown.
COMPANIONS = {
    "hrp": ("hrp_plain",),
    "clusters": ("clusters_own_count",),
    "walk_forward_min_variance": ("walk_forward_daily",),
}
#: Shown as variants, beside the rows: another definition on our side, or another call on the peers'.
VARIANTS = ("hrp_plain", "clusters_own_count")
NAMES = {"walk_forward_daily": "walk_forward_min_variance"}
NOTES = {
    "hrp": "ours: linkage as published; peers: linkage on the plain distance",
    "hrp_plain": "both sides: linkage on the plain distance (PyPortfolioOpt: drawn leaf order, others: optimal)",
    "clusters": "the peers are given the count of clusters, we the height of the cut that makes it",
    "clusters_own_count": "the peers' default call, which also searches for the count; we cut at a height",
    "walk_forward_hrp": "ours: linkage as published; peers: linkage on the plain distance",
    "walk_forward_daily": f"{STEP_SESSIONS} daily decisions on the sample covariance; cvxportfolio's own back-test",
    "metrics": "ours: 14 figures; peers: 10",
}


class WrongAnswerError(RuntimeError):
    """One of our own results failed its check, so there is nothing to time."""


@dataclass(frozen=True, slots=True)
class Row:
    """Both sides of one task; CPU seconds, the least of all calls with the median beside it."""

    work: str
    n: int
    t: int
    ours_cpu_s: float
    peer: str
    peer_cpu_s: float
    ratio: float
    ours_median_s: float
    peer_median_s: float
    ratio_median: float
    calls: tuple[int, int]
    ours_error: float
    peer_error: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A peer that gave no result or a wrong one, which is reported and not timed."""

    work: str
    n: int
    t: int
    peer: str
    reason: str


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes of the comparison."""

    sizes: tuple[int, ...]
    sessions: int
    walk_size: int
    walk_windows: int
    portfolios: int
    metric_sessions: int
    rounds: int

    def shapes(self, work: str) -> tuple[tuple[int, int], ...]:
        """Return (N, T) of each market of a task."""
        if work == "metrics":
            return ((self.portfolios, self.metric_sessions),)
        if work == "walk_forward_daily":
            return ((self.walk_size, TRAIN_SESSIONS + STEP_SESSIONS + 1),)
        if work.startswith("walk_forward"):
            return ((self.walk_size, TRAIN_SESSIONS + STEP_SESSIONS * self.walk_windows),)
        return tuple((size, self.sessions) for size in self.sizes)


FULL = Scale((200, 1000), 500, 200, 12, 1000, 1260, 5)
QUICK = Scale((60,), 500, 40, 3, 50, 1260, 2)

market_of = lru_cache(maxsize=4)(simulate)


def installed(peers: Sequence[str], report: Callable[[str], None]) -> dict[str, Works]:
    """Load the tasks of the peers that are installed, and report each peer that is not."""
    found: dict[str, Works] = {}
    for peer in peers:
        works = load(peer)
        if isinstance(works, str):
            report(f"skipped: {peer} is not installed (extra peers)" + (f"; missing: {works}" if works != peer else ""))
        else:
            found[peer] = works
    return found


def checked(work: str, market: Market, answer: Answer, tolerance: Tolerance) -> Accuracy:
    """Return the accuracy of a result.

    Raises
    ------
    WrongAnswerError
        When it is outside the tolerance; the message gives the distance.
    """
    accuracy = CHECKS[work](market, answer)
    if not tolerance.accepts(accuracy):
        raise WrongAnswerError(
            f"wrong answer: constraints broken by {accuracy.violation:.1e} (at most {tolerance.violation:.0e}), "
            f"off by {accuracy.shortfall:.1e} (at most {tolerance.shortfall:.0e})"
        )
    return accuracy


def compare(
    works: Sequence[str], scale: Scale, peers: Mapping[str, Works], report: Callable[[str], None]
) -> Iterator[Row | Refusal]:
    """Yield one row or refusal for each task, size and peer.

    Raises
    ------
    WrongAnswerError
        When our own result is wrong.
    """
    for named in works:
        for work in (named, *COMPANIONS.get(named, ())):
            for n, t in scale.shapes(work):
                market = market_of(n, t)
                try:
                    error = checked(work, market, ours.WORKS[work](market), OUR_TOLERANCE)
                except WrongAnswerError as wrong:
                    raise WrongAnswerError(f"{work} at N = {n}: ours: {wrong}") from wrong
                for peer in peers:
                    if work in peers[peer]:
                        outcome = _compare_with_peer(work, market, peer, peers[peer][work], error, scale.rounds)
                        report(describe(outcome))
                        yield outcome


def _compare_with_peer(
    work: str, market: Market, peer: str, theirs: Callable[[Market], Answer], our_error: Accuracy, rounds: int
) -> Row | Refusal:
    t, n = market.returns.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            peer_error = checked(work, market, theirs(market), PEER_TOLERANCE)
        except Exception as failure:  # any error of a peer is reported as its result
            return Refusal(NAMES.get(work, work), n, t, peer, f"{type(failure).__name__}: {failure}"[:300])
        seconds = time_in_turn(partial(ours.WORKS[work], market), partial(theirs, market), rounds)
    return _as_row(work, n, t, peer, seconds, (our_error, peer_error))


def _as_row(
    work: str, n: int, t: int, peer: str, seconds: tuple[Seconds, Seconds], errors: tuple[Accuracy, Accuracy]
) -> Row:
    mine, theirs = seconds
    row = Row(
        work=work,
        n=n,
        t=t,
        ours_cpu_s=mine.least,
        peer=peer,
        peer_cpu_s=theirs.least,
        ratio=theirs.least / mine.least,
        ours_median_s=mine.median,
        peer_median_s=theirs.median,
        ratio_median=theirs.median / mine.median,
        calls=(mine.calls, theirs.calls),
        ours_error=errors[0].shortfall,
        peer_error=errors[1].shortfall,
        note=NOTES.get(work, ""),
    )
    return replace(row, work=NAMES.get(work, work))


def describe(outcome: Row | Refusal) -> str:
    """Describe an outcome in one line for the terminal."""
    where = f"{outcome.work} N={outcome.n} T={outcome.t} {outcome.peer}"
    if isinstance(outcome, Refusal):
        return f"{where}: not timed, {outcome.reason}"
    return (
        f"{where}: ours {outcome.ours_cpu_s * 1e3:.2f} ms, peer {outcome.peer_cpu_s * 1e3:.1f} ms, "
        f"ratio {outcome.ratio:.1f} (median {outcome.ratio_median:.1f})"
    )


def all_peers() -> tuple[str, ...]:
    """Return the names of the peers."""
    return tuple(PEERS)
