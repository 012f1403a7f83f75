from __future__ import annotations

import gzip
import json

import pytest

from ingest.errors import Origin, TooLargeError, UnreadableError
from ingest.transport.bodies import Body, parse_json, quoted

ORIGIN = Origin("made", "host", "X:Y")


def test_a_compressed_body_is_read_piece_by_piece() -> None:
    packed = gzip.compress(b"abc" * 100)
    body = Body("gzip", 300, ORIGIN)
    for start in range(0, len(packed), 5):
        body.feed(packed[start : start + 5])
    assert body.whole() == b"abc" * 100


def test_a_body_beyond_the_limit_is_refused_before_it_is_decompressed_completely() -> None:
    body = Body("gzip", 1_000, ORIGIN)
    with pytest.raises(TooLargeError, match="larger than 1000 bytes"):
        body.feed(gzip.compress(b" " * 50_000_000))


def test_a_compressed_body_that_is_cut_off_or_damaged_is_refused() -> None:
    body = Body("gzip", 1_000, ORIGIN)
    body.feed(gzip.compress(b"abc")[:-4])
    with pytest.raises(UnreadableError, match="ends too early"):
        body.whole()
    with pytest.raises(UnreadableError, match="is damaged"):
        Body("gzip", 1_000, ORIGIN).feed(b"no gzip")
    with pytest.raises(UnreadableError, match="'br' was not requested"):
        Body("br", 1_000, ORIGIN)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"  ", "the response is empty"),
        (b"<html>", "an HTML page"),
        (b'{"a": [1', "JSON that is cut off or damaged"),
        (b"oops", "no JSON"),
    ],
)
def test_other_formats_are_named(text: bytes, problem: str) -> None:
    with pytest.raises(UnreadableError, match=problem):
        parse_json(text, ORIGIN, max_depth=9)


def test_nesting_is_limited_and_brackets_in_strings_do_not_count() -> None:
    with pytest.raises(TooLargeError, match="nested deeper than 9"):
        parse_json(b"[" * 10 + b"]" * 10, ORIGIN, max_depth=9)
    text = json.dumps(["[" * 50])
    assert parse_json(text.encode(), ORIGIN, max_depth=9) == ["[" * 50]


def test_a_quoted_text_is_one_short_line() -> None:
    assert quoted("a\n  b") == "a b"
    assert len(quoted("x" * 500)) == 160
