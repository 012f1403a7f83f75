"""Write broken HTTP responses."""

from __future__ import annotations

import asyncio
import datetime as dt
import zlib
from collections.abc import Awaitable, Callable
from email.utils import format_datetime

from tests.servers.faults import Fault
from tests.servers.raw_http import Line, Reply, Service

MIB = 1024 * 1024
HUGE_BYTES = 200_000_000
BOMB_BYTES = 512 * MIB
DEPTH = 100_000
# Long enough for the client to have read the headers before the reset discards them.
HEADERS_ARRIVE_SECONDS = 0.05
PLAIN = "text/plain; charset=utf-8"
HTML = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>"

STATUS = {
    "banned": 418,
    "server_error_500": 500,
    "server_error_502": 502,
    "server_error_503": 503,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
}


def retry_after(fault: Fault) -> str:
    """The Retry-After header of a 429 or 418."""
    if fault.case == "too_many_absurd":
        return str(fault.options.get("value", "99999999999"))
    seconds = fault.number("seconds", 1)
    if fault.case == "too_many_date":
        return format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds), usegmt=True)
    return f"{seconds:g}"


def status_reply(fault: Fault, elsewhere: str) -> Reply | None:
    """Return the reply of a fault that consists of a status, None for other faults."""
    if fault.case.startswith("too_many") or fault.case == "banned":
        return Reply(STATUS.get(fault.case, 429), b"Too Many Requests", (("Retry-After", retry_after(fault)),), PLAIN)
    if fault.case == "redirect":
        return Reply(302, b"", (("Location", f"{elsewhere}/moved"),), PLAIN)
    if fault.case in STATUS:
        return Reply(STATUS[fault.case], HTML, (), "text/html")
    return None


async def break_answer(line: Line, fault: Fault, service: Service, elsewhere: str, until: asyncio.Event) -> None:
    """Answer a request with a fault of stage `answer`."""
    if fault.case == "accept_then_silent":
        await gone(line, until)
    elif fault.case == "reset_before_headers":
        line.reset()
    elif fault.case == "reset_after_headers":
        line.promise(200)
        await line.write(Reply(200, b"").head(4096))
        await asyncio.sleep(HEADERS_ARRIVE_SECONDS)
        line.reset()
    else:
        await line.send(status_reply(fault, elsewhere) or service.refusal(fault.case), accepts_gzip=False)


async def break_body(line: Line, fault: Fault, reply: Reply, service: Service, until: asyncio.Event) -> None:
    """Answer a request with a fault of stage `body`."""
    body = _BODIES.get(fault.case)
    if body is not None:
        kind = "text/html" if fault.case == "html" else reply.content_type
        await line.send(Reply(200, body(fault, reply), (), kind), accepts_gzip=False)
    elif fault.case in {"error_object", "null_chart"}:
        await line.send(service.refusal(fault.case), accepts_gzip=False)
    else:
        line.promise(reply.status)
        await _ROUGH[fault.case](line, fault, reply, until)
        if not line.writer.transport.is_closing():
            line.writer.close()


def deep_json(fault: Fault) -> bytes:
    """Nested arrays, `depth` of them."""
    depth = int(fault.number("depth", DEPTH))
    return b"[" * depth + b"]" * depth


async def gone(line: Line, until: asyncio.Event) -> None:
    """Wait without sending until the client disconnects or the exchange stops."""
    leaves = asyncio.ensure_future(line.reader.read(1))
    stops = asyncio.ensure_future(until.wait())
    try:
        await asyncio.wait({leaves, stops}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (leaves, stops):
            task.cancel()
        await asyncio.gather(leaves, stops, return_exceptions=True)


async def _stall(line: Line, _fault: Fault, reply: Reply, until: asyncio.Event) -> None:
    await line.write(reply.head(len(reply.body)) + reply.body[: len(reply.body) // 2])
    await gone(line, until)


async def _drip(line: Line, fault: Fault, reply: Reply, until: asyncio.Event) -> None:
    pause = fault.number("seconds", 0.05)
    await line.write(reply.head(len(reply.body)))
    for byte in reply.body:
        await line.write(bytes([byte]))
        await asyncio.sleep(pause)
        if until.is_set():
            return


async def _short(line: Line, _fault: Fault, reply: Reply, _until: asyncio.Event) -> None:
    await line.write(reply.head(len(reply.body) // 2) + reply.body)


async def _early(line: Line, _fault: Fault, reply: Reply, _until: asyncio.Event) -> None:
    await line.write(reply.head(len(reply.body)) + reply.body[: len(reply.body) // 2])


async def _huge(line: Line, fault: Fault, reply: Reply, _until: asyncio.Event) -> None:
    # Blanks before a valid body: a client without a limit reads something that looks right.
    size = int(fault.number("size", HUGE_BYTES))
    declared = bool(fault.options.get("declared", False))
    await line.write(reply.head(size + len(reply.body) if declared else None))
    blank = b" " * MIB
    while size > 0:
        part = blank[: min(size, MIB)]
        size -= len(part)
        await line.write(part if declared else b"%x\r\n%b\r\n" % (len(part), part))
    await line.write(reply.body if declared else b"%x\r\n%b\r\n0\r\n\r\n" % (len(reply.body), reply.body))


async def _bomb(line: Line, fault: Fault, reply: Reply, _until: asyncio.Event) -> None:
    await line.write(reply.head(None, (("Content-Encoding", "gzip"),)))
    for part in bomb(int(fault.number("size", BOMB_BYTES)) // MIB, reply.body):
        await line.write(b"%x\r\n%b\r\n" % (len(part), part))
    await line.write(b"0\r\n\r\n")


def bomb(mebibytes: int, tail: bytes) -> list[bytes]:
    """One valid gzip member: so many MiB of blanks, then `tail`."""
    blank = b" " * MIB
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    # After a full flush the packed block depends on nothing before it, so it can be repeated as it stands.
    block = packer.compress(blank) + packer.flush(zlib.Z_FULL_FLUSH)
    last = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    check = 0
    for _ in range(mebibytes):
        check = zlib.crc32(blank, check)
    size = (mebibytes * MIB + len(tail)) & 0xFFFFFFFF
    trailer = zlib.crc32(tail, check).to_bytes(4, "little") + size.to_bytes(4, "little")
    header = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    return [header, *([block] * mebibytes), last.compress(tail) + last.flush() + trailer]


_BODIES: dict[str, Callable[[Fault, Reply], bytes]] = {
    "truncated_json": lambda _fault, reply: reply.body[: len(reply.body) * 2 // 3],
    "html": lambda _fault, _reply: HTML,
    "empty_body": lambda _fault, _reply: b"",
    "deep_json": lambda fault, _reply: deep_json(fault),
}
_ROUGH: dict[str, Callable[[Line, Fault, Reply, asyncio.Event], Awaitable[None]]] = {
    "stall_mid_body": _stall,
    "drip": _drip,
    "short_content_length": _short,
    "early_close": _early,
    "huge_body": _huge,
    "compression_bomb": _bomb,
}
