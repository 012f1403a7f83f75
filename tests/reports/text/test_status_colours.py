"""Each status has the tone that the page and the terminal show."""

from __future__ import annotations

import pytest

from reports.text.status_colours import tone


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("OK", "good"),
        (True, "good"),
        (False, "bad"),
        ("closed form", "good"),
        ("no_positive_excess_return", "caution"),
        ("CRISIS", "bad"),
        ("unsupported", "note"),
        ("something new", "plain"),
        (None, "plain"),
    ],
)
def test_a_state_has_its_tone(state: object, expected: str) -> None:
    assert tone(state) == expected
