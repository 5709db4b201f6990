"""Sources on the net, played on loopback: what they are asked is noted, what they answer is told beforehand."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from ill.lookups.worker import look_up_due, new_guard
from support.harness import Harness

SRW = "http://www.loc.gov/zing/srw/"
MARC = "http://www.loc.gov/MARC21/slim"


@dataclass
class Sources:
    """One server for everything; answers by path, the last one for good."""

    base: str
    answers: dict[str, list[web.Response | bytes]] = field(default_factory=dict)
    asked: list[web.BaseRequest] = field(default_factory=list)

    def tell(self, path: str, *answers: Any, status: int = 200) -> None:
        """What is answered there: JSON, or bytes as they are."""
        self.answers[path] = [
            told if isinstance(told, bytes) else json.dumps(told).encode() for told in answers
        ] or [b""]
        self.status = status

    status: int = 200

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Note and answer."""
        self.asked.append(request)
        told = self.answers.get(request.path)
        if told is None:
            return web.Response(status=404)
        body = told.pop(0) if len(told) > 1 else told[0]
        return web.Response(body=body, status=self.status) if isinstance(body, bytes) else body

    async def work(self, ill: Harness) -> int:
        """Let the worker ask what is due; how many questions."""
        guard = new_guard(ill.resources.settings.networks)
        asked = 0
        async with guard.session(seconds=ill.resources.settings.lookup_timeout) as session:
            while now := await look_up_due(ill.resources, guard, session):
                asked += now
        return asked


@asynccontextmanager
async def sources() -> AsyncIterator[Sources]:
    """Listening while a test runs."""
    played = Sources("")
    runner = web.ServerRunner(web.Server(played.answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    played.base = f"http://{host}:{port}"
    try:
        yield played
    finally:
        await runner.cleanup()


def found(*records: Sequence[str], total: int | None = None, opac: str = "") -> bytes:
    """An answer of SRU 1.2: each record its number and who has it, in 852 $a; `XX-ONE/MAIN/STACKS` tells $b and $c."""
    told = "".join(
        f"<record><recordData>{_packed(number, holders, opac)}</recordData></record>"
        for number, *holders in records
    )
    count = len(records) if total is None else total
    return (
        f'<searchRetrieveResponse xmlns="{SRW}"><version>1.2</version>'
        f"<numberOfRecords>{count}</numberOfRecords><records>{told}</records></searchRetrieveResponse>"
    ).encode()


def _packed(number: str, holders: Sequence[str], opac: str) -> str:
    fields = "".join(
        '<datafield tag="852" ind1=" " ind2=" ">'
        + "".join(
            f'<subfield code="{code}">{told}</subfield>'
            for code, told in zip("abc", holder.split("/"), strict=False)
        )
        + f'<subfield code="h">QB {holder.partition("/")[0]}</subfield></datafield>'
        for holder in holders
    )
    marc = f'<record xmlns="{MARC}"><controlfield tag="001">{number}</controlfield>{fields}</record>'
    return (
        f"<opacRecord><bibliographicRecord>{marc}</bibliographicRecord>{opac}</opacRecord>" if opac else marc
    )
