"""Several servers are asked at once, each for its own time at most; what one of them does harms no other."""

import asyncio
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from catalog.copycat import rules
from catalog.copycat.calling import called
from catalog.copycat.documents import CopySearchIn, TargetDoc
from catalog.copycat.rules import NoAnswer
from catalog.marc.reading import MARC, MARCXML, read
from catalog.marc.record import Record
from chassis.addresses import Network
from chassis.guard import Guard
from contracts.z3950 import client
from contracts.z3950.ber import NotBer

AGENT = "Carrel"


@dataclass(slots=True)
class Told:
    """What one server has answered."""

    target: str
    total: int = 0
    records: list[Record] = field(default_factory=list)
    unreadable: int = 0
    """Records that are none of MARC, or damaged."""
    problem: str | None = None
    """Why there is no answer."""


async def ask_all(
    targets: Sequence[TargetDoc], wanted: CopySearchIn, *, networks: Sequence[Network], limit: int
) -> list[Told]:
    """What every one of them answers, in their order."""
    guard = Guard(networks)
    longest = max((each.seconds for each in targets), default=1.0)
    async with guard.session(seconds=longest) as session:
        return await asyncio.gather(*(_ask(each, wanted, guard, session, limit) for each in targets))


async def _ask(
    target: TargetDoc, wanted: CopySearchIn, guard: Guard, session: aiohttp.ClientSession, limit: int
) -> Told:
    told = Told(target.code)
    try:
        async with asyncio.timeout(target.seconds):
            if target.is_z3950:
                told.total, found = await called(target, wanted, guard=guard, limit=limit)
                told.unreadable = found.unreadable
                await asyncio.to_thread(_take, found.records, MARC, told)
            else:
                await _by_sru(target, wanted, guard, session, limit, told)
    except (NoAnswer, client.NoAnswer, NotBer) as problem:
        told.problem = str(problem) or "no answer"
    except TimeoutError:
        told.problem = f"no answer within {target.seconds:g} s"
    except (aiohttp.ClientError, OSError) as error:
        told.problem = f"no answer: {type(error).__name__}"
    return told


async def _by_sru(
    target: TargetDoc,
    wanted: CopySearchIn,
    guard: Guard,
    session: aiohttp.ClientSession,
    limit: int,
    told: Told,
) -> None:
    query = wanted.cql or rules.cql(wanted.terms, target.index())
    url = rules.url_of(
        target.url, version=target.version, query=query, schema=target.record_schema, most=wanted.limit
    )
    if reasons := guard.against(url):
        raise NoAnswer(f"not asked: {reasons[0].text}")
    found = await asyncio.to_thread(rules.answer, await _body(session, url, limit))
    told.total = found.total
    await asyncio.to_thread(_take, found.records[: wanted.limit], MARCXML, told)


async def _body(session: aiohttp.ClientSession, url: str, limit: int) -> bytes:
    """The answer's body. A redirection is not followed: the entry is to be put right."""
    headers = {"User-Agent": AGENT, "Accept": "application/xml, text/xml"}
    async with session.get(URL(url, encoded=True), headers=headers, allow_redirects=False) as response:
        if response.status != 200:
            raise NoAnswer(f"HTTP {response.status}")
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > limit:
                raise NoAnswer(f"an answer of more than {limit} bytes")
        return bytes(body)


def _take(records: Sequence[bytes], media_type: str, told: Told) -> None:
    """Costs CPU."""
    for each in records:
        whole = [one.record for one in read(io.BytesIO(each), media_type) if one.record is not None]
        told.records += [record for record in whole[:1] if len(record)]
        told.unreadable += not any(map(len, whole[:1]))
