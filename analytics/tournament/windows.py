"""Split sessions into walk-forward train and test windows.

See docs/method/09-tournament.md#9.1.
"""

from __future__ import annotations

from dataclasses import dataclass

from analytics.errors import ShortHistoryError
from analytics.tournament.errors import WindowError


@dataclass(frozen=True, slots=True)
class Window:
    """Train window and the test window that begins where it ends; both slice the session axis."""

    index: int
    train: slice
    test: slice

    @property
    def n_test(self) -> int:
        """Sessions in the test window."""
        return int(self.test.stop - self.test.start)


def walk_forward_windows(n_sessions: int, *, train: int, test: int, step: int) -> tuple[Window, ...]:
    """Split a session axis into train windows, each followed by its test window.

    See docs/method/09-tournament.md#9.1.

    The first train window begins at session 0 and every next one `step` sessions later. No session is tested twice. The
    last test window is kept even if the end of the axis cuts it short: metrics are computed on the stitched series, so
    a short window has no more influence than its sessions. With `step > test` the sessions between two test windows are
    not tested and are in no result.

    Parameters
    ----------
    n_sessions : int
        Length of the session axis.
    train, test, step : int
        Sessions; all at least 1.

    Returns
    -------
    tuple of Window

    Raises
    ------
    WindowError
        When a length is below 1, or when `step < test`, which would test a session twice.
    ShortHistoryError
        When no session is left to test.

    Examples
    --------
    >>> for window in walk_forward_windows(10, train=4, test=3, step=3):
    ...     print(window.index, window.train, window.test)
    0 slice(0, 4, None) slice(4, 7, None)
    1 slice(3, 7, None) slice(7, 10, None)
    """
    if min(train, test, step) < 1:
        raise WindowError(f"train {train}, test {test} and step {step} must all be at least 1 session")
    if step < test:
        raise WindowError(
            f"step {step} is below test {test}: sessions would be tested twice; set step to {test} or more"
        )
    if n_sessions <= train:
        raise ShortHistoryError(
            f"{n_sessions} sessions leave nothing to test after a train window of {train}: "
            f"at least {train + 1} are needed; load more history or shorten the train window"
        )
    starts = range(0, n_sessions - train, step)
    return tuple(
        Window(index, slice(start, start + train), slice(start + train, min(start + train + test, n_sessions)))
        for index, start in enumerate(starts)
    )
