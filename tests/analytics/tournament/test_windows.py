from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.errors import AnalyticsError, ShortHistoryError
from analytics.tournament.errors import WindowError
from analytics.tournament.windows import walk_forward_windows


def spans(*args: int) -> list[tuple[int, int, int, int]]:
    n, train, test, step = args
    return [
        (w.train.start, w.train.stop, w.test.start, w.test.stop)
        for w in walk_forward_windows(n, train=train, test=test, step=step)
    ]


def test_windows_follow_each_other_and_the_last_one_is_cut_short() -> None:
    assert spans(11, 4, 3, 3) == [(0, 4, 4, 7), (3, 7, 7, 10), (6, 10, 10, 11)]


def test_an_axis_that_divides_evenly_has_no_partial_window() -> None:
    assert spans(10, 4, 3, 3) == [(0, 4, 4, 7), (3, 7, 7, 10)]


def test_a_step_beyond_the_test_leaves_sessions_untested() -> None:
    assert spans(12, 4, 2, 5) == [(0, 4, 4, 6), (5, 9, 9, 11)]


def test_a_step_below_the_test_is_refused_with_both_lengths() -> None:
    with pytest.raises(WindowError, match="step 19 is below test 20"):
        walk_forward_windows(500, train=252, test=20, step=19)


@pytest.mark.parametrize("lengths", [(0, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_a_length_below_one_is_refused(lengths: tuple[int, int, int]) -> None:
    with pytest.raises(WindowError, match="at least 1"):
        walk_forward_windows(10, train=lengths[0], test=lengths[1], step=lengths[2])


def test_a_history_without_a_test_session_is_refused_with_both_counts() -> None:
    with pytest.raises(ShortHistoryError, match=r"252 sessions leave nothing.*at least 253"):
        walk_forward_windows(252, train=252, test=20, step=20)
    assert issubclass(WindowError, AnalyticsError)


@given(n=st.integers(2, 400), train=st.integers(1, 100), test=st.integers(1, 30), extra=st.integers(0, 10))
def test_every_session_is_tested_at_most_once_and_after_its_train_window(
    n: int, train: int, test: int, extra: int
) -> None:
    if n <= train:
        return
    windows = walk_forward_windows(n, train=train, test=test, step=test + extra)
    tested = [session for window in windows for session in range(window.test.start, window.test.stop)]
    assert len(tested) == len(set(tested))
    assert all(
        w.train.stop == w.test.start and w.n_test >= 1 and w.train.stop - w.train.start == train for w in windows
    )
    if extra == 0:
        assert tested == list(range(train, n))
