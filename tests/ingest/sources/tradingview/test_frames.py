from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.sources.tradingview.frames import FrameError, FrameReader, is_heartbeat, pack


@given(payloads=st.lists(st.text(min_size=1), max_size=8), cuts=st.lists(st.integers(0, 400), max_size=6))
def test_payloads_survive_any_cut_into_messages(payloads: list[str], cuts: list[int]) -> None:
    text = "".join(pack(payload) for payload in payloads)
    indices = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    reader = FrameReader()
    read = [one for start, end in itertools.pairwise(indices) for one in reader.feed(text[start:end])]
    # The end of a frame is sure only once the next begins or the message ends.
    assert read == payloads
    assert reader.is_whole


def test_a_length_counts_characters_and_not_bytes() -> None:
    payload = json.dumps({"m": "é€😀"}, ensure_ascii=False)
    assert pack(payload).startswith(f"~m~{len(payload)}~m~")
    assert list(FrameReader().feed(pack(payload))) == [payload]


def test_a_payload_may_hold_what_looks_like_a_frame() -> None:
    payload = "a~m~3~m~b"
    assert list(FrameReader().feed(pack(payload) + pack("c"))) == [payload, "c"]


@pytest.mark.parametrize(
    "text",
    ["{}", "<html>", "~m~x~m~{}", "~m~2~m~{}junk~m~2~m~{}", "~m~1~m~{}~m~2~m~{}", "~m~-1~m~", "~m~999999999~m~"],
)
def test_a_wrong_mark_or_length_is_refused(text: str) -> None:
    with pytest.raises(FrameError):
        list(FrameReader().feed(text))


def test_a_frame_longer_than_the_cap_is_refused_before_it_comes() -> None:
    with pytest.raises(FrameError, match="101 characters"):
        list(FrameReader(max_length=100).feed("~m~101~m~"))


def test_a_heartbeat_is_distinguished_from_a_message() -> None:
    assert is_heartbeat("~h~12")
    assert not is_heartbeat("~h~")
    assert not is_heartbeat('{"m":"~h~1"}')
