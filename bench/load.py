"""Load over so many keep-alive connections, each with one request under way: wrk, or a lean client of our own."""

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

LUA = Path(__file__).with_name("desk.lua")


@dataclass
class Told:
    """What a run brought."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def quantile(self, share: float) -> float:
        """Seconds."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


def request(method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """A request as bytes."""
    lines = [f"{method} {path} HTTP/1.1", "Host: bench", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def _client(port: int, until: float, make: Callable[[], bytes | None], told: Told) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while time.perf_counter() < until:
            asked = make()
            if asked is None:
                return
            began = time.perf_counter()
            writer.write(asked)
            head = await reader.readuntil(b"\r\n\r\n")
            status = int(head[9:12])
            lowered = head.lower()
            at = lowered.find(b"content-length:")
            if at >= 0:
                length = int(lowered[at + 15 : lowered.index(b"\r\n", at)])
                if length:
                    await reader.readexactly(length)
            told.latencies.append(time.perf_counter() - began)
            told.statuses[status] = told.statuses.get(status, 0) + 1
    finally:
        writer.close()


async def run(port: int, clients: int, seconds: float, make: Callable[[], bytes | None]) -> Told:
    """Load for so many seconds; `make` gives each request, None when there are no more."""
    told = Told()
    began = time.perf_counter()
    await asyncio.gather(*(_client(port, began + seconds, make, told) for _ in range(clients)))
    told.seconds = time.perf_counter() - began
    return told


async def check_outs(
    port: int, clients: int, seconds: float, bodies: Iterable[bytes], key: str
) -> dict[str, float]:
    """Check-outs, each body once."""
    return await sent(port, clients, seconds, (b"POST /v1/loans " + body for body in bodies), key)


async def sent(port: int, clients: int, seconds: float, lines: Iterable[bytes], key: str) -> dict[str, float]:
    """Requests (method, path, body), each once: rate, p50 and p95 in milliseconds, how many were refused or broke.

    wrk generates them where it is installed: a client written in Python takes a core's sixth from what it measures.
    """
    if shutil.which("wrk") is None:
        return await _sent_by_us(port, clients, seconds, lines, key)
    with tempfile.NamedTemporaryFile("wb", suffix=".txt") as file:
        file.writelines(line + b"\n" for line in lines)
        file.flush()
        wrk = await asyncio.create_subprocess_exec(
            *("wrk", "-t1", f"-c{clients}", f"-d{seconds:.0f}s", "--timeout", "10s", "-s", str(LUA)),
            *(f"http://127.0.0.1:{port}", "--", file.name, key, uuid4().hex),
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await wrk.communicate()
    told = json.loads(out.decode().splitlines()[-1])
    return {
        "rate": told["requests"] / told["microseconds"] * 1e6,
        "p50": told["p50"] / 1000,
        "p95": told["p95"] / 1000,
        "refused": told["refused"] + told["broken"],
    }


async def _sent_by_us(
    port: int, clients: int, seconds: float, lines: Iterable[bytes], key: str
) -> dict[str, float]:
    ready = iter(lines)

    def make() -> bytes | None:
        line = next(ready, None)
        if line is None:
            return None
        method, path, body = [*line.split(b" ", 2), b""][:3]
        headers = {
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            "Idempotency-Key": uuid4().hex,
        }
        return request(method.decode(), path.decode(), body, headers)

    told = await run(port, clients, seconds, make)
    refused = sum(count for status, count in told.statuses.items() if status >= 400)
    return {
        "rate": told.rate,
        "p50": told.quantile(0.5) * 1000,
        "p95": told.quantile(0.95) * 1000,
        "refused": refused,
    }
