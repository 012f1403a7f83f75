"""Formatters write the expected digits, signs and dashes."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.text import formats


@pytest.mark.parametrize(
    ("write", "value", "written"),
    [
        (formats.percent, 0.123456, "12.35 %"),
        (formats.percent, -0.5, "-50.00 %"),
        (formats.percent, -1e-9, "0.00 %"),
        (formats.percent, 43.22, "4,322.00 %"),
        (formats.percent, float("nan"), "nan"),
        (formats.percent, float("inf"), "inf"),
        (formats.signed_percent, 0.05, "+5.00 %"),
        (formats.signed_percent, -0.05, "-5.00 %"),
        (formats.signed_percent, 0.0, "0.00 %"),
        (formats.signed_percent, 1e-9, "0.00 %"),
        (formats.signed_percent, -1e-9, "0.00 %"),
        (formats.ratio, 1.005, "1.00"),
        (formats.score, 0.36111, "0.361"),
        (formats.scientific, 2.44e-12, "2.4e-12"),
        (formats.scientific, 0.0, "0.0e+00"),
        (formats.general, 0.250000001, "0.250000001"),
        (formats.general, 0.25, "0.25"),
        (formats.money, -1234.5, "-1,234.50"),
        (formats.quantity, 10.0, "10"),
        (formats.quantity, 1200.5, "1,200.5"),
        (formats.quantity, 0.0000004, "0"),
        (formats.whole, 1234567, "1,234,567"),
        (formats.word, "min_cvar", "min CVaR"),
        (formats.heading, "max_sharpe", "Max Sharpe"),
        (formats.heading, "hrp", "HRP"),
        (formats.day, dt.date(2025, 12, 30), "2025-12-30"),
        (formats.side, -1, "short"),
        (formats.outcome, False, "FAIL"),
        (formats.digest, "ab" * 32, "abababababab"),
    ],
)
def test_a_value_is_written(write: formats.Formatter, value: object, written: str) -> None:
    assert write(value) == written


@pytest.mark.parametrize(
    "write",
    [
        formats.percent,
        formats.signed_percent,
        formats.ratio,
        formats.score,
        formats.scientific,
        formats.general,
        formats.money,
        formats.quantity,
        formats.seconds,
        formats.whole,
        formats.plain,
        formats.word,
        formats.heading,
        formats.day,
        formats.moment,
        formats.yes_no,
        formats.outcome,
        formats.side,
        formats.digest,
    ],
)
def test_what_is_absent_is_an_en_dash(write: formats.Formatter) -> None:
    assert write(None) == "\u2013"


@given(st.floats(-10, 10))
def test_a_percentage_is_within_half_a_unit_of_its_value_and_never_minus_zero(value: float) -> None:
    written = formats.percent(value)
    assert abs(float(written.removesuffix(" %").replace(",", "")) / 100 - value) <= 5.0001e-5
    assert not written.startswith("-0.00")
    assert formats.signed_percent(value).lstrip("+") == written
