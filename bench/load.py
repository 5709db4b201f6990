"""A lean HTTP/1.1 client for load: so many keep-alive connections, each with one request under way."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field


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
