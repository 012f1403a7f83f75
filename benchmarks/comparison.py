"""Every work, every size, every peer: judged first, timed only when both sides are right."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from benchmarks import ours
from benchmarks.inputs import STEP_SESSIONS, TRAIN_SESSIONS, Market, simulate
from benchmarks.judges import JUDGES, OUR_TOLERANCE, PEER_TOLERANCE, Answer, Tolerance, Verdict
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
#: Works timed beside the named one, in whose rows or variants they are shown.
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
    """Our own answer failed its judge, so that there is nothing to time."""


@dataclass(frozen=True, slots=True)
class Row:
    """Both sides of one work; seconds of CPU, least of all calls (median beside it)."""

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
    """A peer that gave no answer, or a wrong one: reported, not timed."""

    work: str
    n: int
    t: int
    peer: str
    reason: str


@dataclass(frozen=True, slots=True)
class Scale:
    """How large the comparison is."""

    sizes: tuple[int, ...]
    sessions: int
    walk_size: int
    walk_windows: int
    portfolios: int
    metric_sessions: int
    rounds: int

    def shapes(self, work: str) -> tuple[tuple[int, int], ...]:
        """(N, T) of each market that a work is done on."""
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


def installed(peers: Sequence[str], say: Callable[[str], None]) -> dict[str, Works]:
    """The works of the peers that are there; one line for each that is not."""
    found: dict[str, Works] = {}
    for peer in peers:
        works = load(peer)
        if isinstance(works, str):
            say(f"skipped: {peer} is not installed (extra peers)" + (f"; missing: {works}" if works != peer else ""))
        else:
            found[peer] = works
    return found


def judged(work: str, market: Market, answer: Answer, tolerance: Tolerance) -> Verdict:
    """The verdict on an answer; WrongAnswerError names the work and the distance from right."""
    verdict = JUDGES[work](market, answer)
    if not tolerance.accepts(verdict):
        raise WrongAnswerError(
            f"wrong answer: constraints broken by {verdict.violation:.1e} (at most {tolerance.violation:.0e}), "
            f"off by {verdict.shortfall:.1e} (at most {tolerance.shortfall:.0e})"
        )
    return verdict


def compare(
    works: Sequence[str], scale: Scale, peers: Mapping[str, Works], say: Callable[[str], None]
) -> Iterator[Row | Refusal]:
    """One row or refusal for each work, size and peer.

    Raises
    ------
    WrongAnswerError
        When our own answer is not right.
    """
    for named in works:
        for work in (named, *COMPANIONS.get(named, ())):
            for n, t in scale.shapes(work):
                market = market_of(n, t)
                try:
                    error = judged(work, market, ours.WORKS[work](market), OUR_TOLERANCE)
                except WrongAnswerError as wrong:
                    raise WrongAnswerError(f"{work} at N = {n}: ours: {wrong}") from wrong
                for peer in peers:
                    if work in peers[peer]:
                        outcome = _meet(work, market, peer, peers[peer][work], error, scale.rounds)
                        say(describe(outcome))
                        yield outcome


def _meet(
    work: str, market: Market, peer: str, theirs: Callable[[Market], Answer], our_error: Verdict, rounds: int
) -> Row | Refusal:
    t, n = market.returns.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            peer_error = judged(work, market, theirs(market), PEER_TOLERANCE)
        except Exception as failure:  # whatever a peer raises is its answer, and is shown as such
            return Refusal(NAMES.get(work, work), n, t, peer, f"{type(failure).__name__}: {failure}"[:300])
        seconds = time_in_turn(partial(ours.WORKS[work], market), partial(theirs, market), rounds)
    return _as_row(work, n, t, peer, seconds, (our_error, peer_error))


def _as_row(
    work: str, n: int, t: int, peer: str, seconds: tuple[Seconds, Seconds], errors: tuple[Verdict, Verdict]
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
    """One line for the terminal."""
    where = f"{outcome.work} N={outcome.n} T={outcome.t} {outcome.peer}"
    if isinstance(outcome, Refusal):
        return f"{where}: not timed, {outcome.reason}"
    return (
        f"{where}: ours {outcome.ours_cpu_s * 1e3:.2f} ms, peer {outcome.peer_cpu_s * 1e3:.1f} ms, "
        f"ratio {outcome.ratio:.1f} (median {outcome.ratio_median:.1f})"
    )


def all_peers() -> tuple[str, ...]:
    """Names of the peers."""
    return tuple(PEERS)
