"""Send the packets of a series, intact or with a fault of bodies or packets."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Protocol

from tests.servers.broken_responses import BOMB_BYTES, DEPTH, HTML, HUGE_BYTES, MIB
from tests.servers.chart_protocol import Packet, Series, timescale
from tests.servers.fault_cases import BODY, HISTORY, PACKETS
from tests.servers.faults import Fault, Faults
from tests.servers.frames import framed, packed
from tests.servers.market_data import MarketData

STREAMED = frozenset({"stall_mid_body", "drip", "huge_body", "compression_bomb"})
PACKET_CASES = frozenset(
    {"bad_length", "split_frames", "interleaved_series", "heartbeat_only", "close_mid_series", "late_duplicate_bars"}
)
CUTS = (1, 2, 5, 400, 3, 1, 1000, 7)
REPEATED = 3


class Sink(Protocol):
    """The sending side of a websocket."""

    async def send(self, message: str | AsyncIterator[str]) -> None:
        """Send one message, fragmented where it comes in parts."""

    def note(self, fault: str) -> None:
        """Record the fault that fired."""

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the connection."""


class Delivery:
    """Sender of the packets of one connection."""

    def __init__(self, sink: Sink, data: MarketData, faults: Faults, stopped: asyncio.Event) -> None:
        self._sink = sink
        self._data = data
        self._faults = faults
        self._stopped = stopped

    async def send(self, packets: Sequence[Packet]) -> None:
        """Send the packets that answer one message."""
        series = next((packet.series for packet in packets if packet.series is not None), None)
        if series is not None:
            for stage, cases in ((BODY, None), (PACKETS, PACKET_CASES)):
                fault = self._faults.take(HISTORY, stage, series.symbol, cases)
                if fault is not None:
                    self._sink.note(fault.case)
                    await self._break(packets, series, fault)
                    return
        await self._plain(packets)

    async def _plain(self, packets: Sequence[Packet]) -> None:
        # Several frames travel in one message, as on the real wire; the end of a series comes in its own.
        ends = [packet for packet in packets if packet.method == "series_completed"]
        body = [packet for packet in packets if packet not in ends]
        for group in (body, ends):
            if group:
                await self._sink.send("".join(framed(_payload(packet)) for packet in group))

    async def _break(self, packets: Sequence[Packet], series: Series, fault: Fault) -> None:
        before = [packet for packet in packets if packet.series is None]
        update, end = (packet for packet in packets if packet.series is not None)
        await self._plain(before)
        case, payload = fault.case, _payload(update)
        if case in STREAMED:
            await self._sink.send(self._stream(payload, fault))
            await self._plain([end])
        elif case == "truncated_json":
            await self._sink.send(framed(payload[: len(payload) * 2 // 3]))
            await self._plain([end])
        elif case == "html":
            await self._sink.send(HTML.decode())
        elif case == "empty_body":
            await self._sink.send("")
            await self._sink.send(framed(""))
        elif case == "error_object":
            await self._plain([Packet("critical_error", [series.session, "internal error", "method: create_series"])])
        elif case == "deep_json":
            depth = int(fault.number("depth", DEPTH))
            await self._sink.send(framed(f'{{"m":"timescale_update","p":{"[" * depth}{"]" * depth}}}'))
        elif case == "bad_length":
            await self._sink.send(framed(payload, int(fault.number("delta", 7))) + framed(_payload(end)))
        elif case == "split_frames":
            await self._split(framed(payload) + framed(_payload(end)))
        elif case == "interleaved_series":
            await self._interleave(update, end, series)
        elif case == "close_mid_series":
            half = _halves(update, series)[0]
            await self._plain([half])
            await self._sink.close(1011, "internal error")
        elif case == "late_duplicate_bars":
            await self._repeat(update, end, series)
        # heartbeat_only: the series never comes.

    async def _stream(self, payload: str, fault: Fault) -> AsyncIterator[str]:
        text = framed(payload)
        if fault.case == "stall_mid_body":
            yield text[: len(text) // 2]
            await self._stopped.wait()
        elif fault.case == "drip":
            for character in text:
                yield character
                await asyncio.sleep(fault.number("seconds", 0.05))
        else:
            size = int(fault.number("size", HUGE_BYTES if fault.case == "huge_body" else BOMB_BYTES))
            yield f"~m~{size + len(payload)}~m~"
            for _ in range(size // MIB):
                yield " " * MIB
            yield " " * (size % MIB) + payload

    async def _split(self, text: str) -> None:
        at = 0
        for cut in itertools.cycle(CUTS):
            await self._sink.send(text[at : at + cut])
            at += cut
            if at >= len(text):
                return

    async def _interleave(self, update: Packet, end: Packet, series: Series) -> None:
        # Another symbol's bars under each name that could be mistaken: another series of this session, this series at
        # an earlier turn, and this series' name in another session; their ends come before ours.
        others = [symbol for symbol in self._data.symbols if symbol != series.symbol and self._data.bars(symbol)]
        if not others:
            await self._plain([update, end])
            return
        mine = self._data.symbols.index(series.symbol)
        bars = self._data.bars(others[mine % len(others)])[-series.n_requested :]
        disguises = [
            replace(series, name=f"{series.name}_other"),
            replace(series, turn=f"{series.turn}_stale"),
            replace(series, session="cs_abcdefghijkl"),
        ]
        foreign = [Packet("timescale_update", timescale(other, bars, 0)) for other in disguises]
        ends = [Packet("series_completed", [o.session, o.name, "endofday", o.turn]) for o in disguises]
        first, second = _halves(update, series)
        packets = [foreign[0], first, foreign[1], ends[0], foreign[2], second, ends[1], ends[2], end, foreign[1]]
        for pair in _pairs(packets):
            await self._sink.send("".join(framed(_payload(packet)) for packet in pair))

    async def _repeat(self, update: Packet, end: Packet, series: Series) -> None:
        # The last bars come first in a provisional state, then as they are; after the end they come once more.
        body = update.params[1][series.name]
        rows = body["s"]
        provisional = [
            {"i": row["i"], "v": [*row["v"][:4], _nudged(row["v"][4]), *row["v"][5:]]}
            if at >= len(rows) - REPEATED
            else row
            for at, row in enumerate(rows)
        ]
        early = Packet(update.method, [series.session, {series.name: {**body, "s": provisional}}, update.params[2]])
        late = {series.name: {**body, "s": rows[-REPEATED:]}}
        again = Packet("timescale_update", [series.session, late, update.params[2]])
        await self._plain([early, again, end])
        await self._plain([Packet("du", [series.session, late])])


def _payload(packet: Packet) -> str:
    return packed(packet.method, packet.params, time.time())


def _halves(update: Packet, series: Series) -> tuple[Packet, Packet]:
    body = update.params[1][series.name]
    rows = body["s"]
    parts = (rows[: len(rows) // 2], rows[len(rows) // 2 :])
    first, second = (
        Packet(update.method, [series.session, {series.name: {**body, "s": part}}, update.params[2]]) for part in parts
    )
    return first, second


def _nudged(close: object) -> object:
    return close * 1.001 if isinstance(close, int | float) else close


def _pairs(packets: Sequence[Packet]) -> list[Sequence[Packet]]:
    return [packets[at : at + 2] for at in range(0, len(packets), 2)]
