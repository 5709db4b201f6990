"""Answers to harvesters: how many at once, in which pieces, and what each verb says."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from catalog.holdings.embedding import embedded
from catalog.marc.record import Field
from catalog.oai import answers, queries
from catalog.oai.crosswalks import Crosswalk
from catalog.oai.queries import Header, Listed
from catalog.oai.rules import (
    FORMATS,
    Code,
    Fault,
    Place,
    Selection,
    format_of,
    resumed,
    selection,
    title_of,
    token,
)
from chassis.problems import Unavailable

SLICE: Final = 50
"""Records that are written in one go: a few milliseconds."""
HEAVIEST_LIST: Final = 8_000_000
HEAVIEST_SLICE: Final = 400_000
"""Stored bytes, which are compressed: what they become is some ten times as much."""
MOST_AT_ONCE: Final = 16
RETRY_SECONDS: Final = 10


@dataclass(slots=True)
class Gate:
    """Lets so many answers be under way, and two be written at a time: desks have the same processors."""

    under_way: int = 0
    writing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))

    @asynccontextmanager
    async def entered(self) -> AsyncIterator[None]:
        """One answer; `Unavailable` with Retry-After when there are enough of them."""
        if self.under_way >= MOST_AT_ONCE:
            raise Unavailable("Too many harvests are under way.", headers={"Retry-After": str(RETRY_SECONDS)})
        self.under_way += 1
        try:
            yield
        finally:
            self.under_way -= 1


@dataclass(frozen=True, slots=True)
class Repository:
    """What the answers need to know of this place."""

    pool: asyncpg.Pool
    base_url: str
    name: str
    email: str
    namespace: str
    page: int
    gate: Gate
    now: datetime

    async def answer(self, verb: str, arguments: Mapping[str, str]) -> AsyncIterator[str]:
        """The answer to a well-formed request, piece by piece. The first piece comes when nothing can fail any more."""
        state = await queries.state(self.pool)
        if not state.ready:
            raise Unavailable("The records are still being prepared.", headers={"Retry-After": "30"})
        if verb in ("ListRecords", "ListIdentifiers"):
            async for piece in self._list(verb, arguments, state.secret):
                yield piece
            return
        if verb == "GetRecord":
            told = await self._get(arguments)
        elif verb == "ListSets":
            told = await self._sets(arguments)
        elif verb == "ListMetadataFormats":
            if "identifier" in arguments:
                await self._found(arguments["identifier"])
            told = answers.formats(await queries.formats(self.pool))
        else:
            earliest = await queries.earliest(self.pool)
            told = answers.identify(
                name=self.name,
                base_url=self.base_url,
                email=self.email,
                earliest=earliest or self.now,
                namespace=self.namespace,
            )
        yield answers.opening(self.base_url, self.now, {"verb": verb, **arguments}) + told + answers.CLOSING

    async def _found(self, identifier: str) -> Header:
        found = await queries.one(self.pool, title_of(identifier, self.namespace))
        if found is None:
            raise Fault(Code.NO_ID, "There is no record with this identifier.")
        return found

    async def _get(self, arguments: Mapping[str, str]) -> str:
        own = await self._own(arguments["metadataPrefix"])
        prefix = format_of(arguments["metadataPrefix"], own)
        found = await self._found(arguments["identifier"])
        record = "".join([piece async for piece in self._records([found], prefix, own)])
        return f"<GetRecord>{record}</GetRecord>\n"

    async def _sets(self, arguments: Mapping[str, str]) -> str:
        if "resumptionToken" in arguments:
            raise Fault(Code.BAD_TOKEN, "The list of sets is given whole.")
        rows = await queries.sets(self.pool)
        if not rows:
            raise Fault(Code.NO_SETS, "There are no sets here.")
        return answers.sets(rows)

    async def _list(self, verb: str, arguments: Mapping[str, str], secret: bytes) -> AsyncIterator[str]:
        after: Place | None = None
        if "resumptionToken" in arguments:
            wanted, after = resumed(arguments["resumptionToken"], verb, secret=secret)
        else:
            wanted = selection(arguments, await self._own(arguments["metadataPrefix"]))
            if wanted.set_spec is not None and not await queries.sets(self.pool):
                raise Fault(Code.NO_SETS, "There are no sets here.")
        own = await self._own(wanted.prefix)
        format_of(wanted.prefix, own)  # it may be gone by now
        found = await queries.listed(
            self.pool,
            wanted,
            after,
            limit=self.page,
            heaviest=HEAVIEST_LIST if verb == "ListRecords" else 2**62,
        )
        if not found.headers and after is None:
            raise Fault(Code.NO_RECORDS, "No record matches.")
        if after is not None and not found.headers:
            found = await self._ended(after, found)
        yield answers.opening(self.base_url, found.as_of, {"verb": verb, **arguments}) + f"<{verb}>\n"
        if verb == "ListIdentifiers":
            yield await asyncio.to_thread(answers.headers, found.headers, self.namespace)
        else:
            async for piece in self._records(found.headers, wanted.prefix, own):
                yield piece
        yield self._end(verb, wanted, after, found, secret) + f"</{verb}>\n{answers.CLOSING}"

    async def _ended(self, after: Place, found: Listed) -> Listed:
        """What was still to come has been changed out of the list's bounds: a list may not be empty, so its last
        record is told again."""
        last = await queries.one(self.pool, after.title_id)
        if last is None:
            raise Fault(Code.BAD_TOKEN, "This token was not given out here for this verb.")
        return Listed([last], more=False, as_of=found.as_of, size=None)

    async def _own(self, prefix: str) -> Mapping[str, Crosswalk]:
        """The library's own formats, where one may be meant."""
        return {} if prefix in FORMATS else await queries.formats(self.pool)

    async def _records(
        self, headers: Sequence[Header], prefix: str, own: Mapping[str, Crosswalk]
    ) -> AsyncIterator[str]:
        """Records, slice by slice; while one is written, the next is read."""
        writer = answers.by(own[prefix]) if prefix in own else answers.WRITERS[prefix]
        slices = _sliced(headers)
        reading = asyncio.create_task(self._read(slices[0], prefix))
        try:
            for place, rows in enumerate(slices):
                packed, held = await reading
                if place + 1 < len(slices):
                    reading = asyncio.create_task(self._read(slices[place + 1], prefix))
                async with self.gate.writing:
                    told = await asyncio.to_thread(
                        "".join, answers.written(rows, packed, held, writer, self.namespace)
                    )
                yield told
        finally:
            reading.cancel()

    async def _read(
        self, rows: Sequence[Header], prefix: str
    ) -> tuple[dict[UUID, bytes], dict[UUID, list[Field]]]:
        ids = [row.title_id for row in rows if not row.deleted]
        packed = await queries.records(self.pool, ids)
        return packed, await embedded(self.pool, ids) if prefix in answers.WITH_HOLDINGS else {}

    def _end(self, verb: str, wanted: Selection, after: Place | None, found: Listed, secret: bytes) -> str:
        """A token while there is more; an empty one behind the last of several pieces; none for a list in one."""
        cursor = after.given if after else 0
        given = cursor + len(found.headers)
        if not found.more:
            return answers.resumption("", size=given, cursor=cursor) if after else ""
        size = max(found.size if found.size is not None else after.size if after else 0, given + 1)
        last = found.headers[-1]
        place = Place(last.datestamp, last.title_id, given, size)
        return answers.resumption(token(verb, wanted, place, secret=secret), size=size, cursor=cursor)


def _sliced(headers: Sequence[Header]) -> list[list[Header]]:
    """Slices that are light in number and in bytes."""
    slices: list[list[Header]] = [[]]
    weight = 0
    for each in headers:
        if slices[-1] and (len(slices[-1]) == SLICE or weight + each.size > HEAVIEST_SLICE):
            slices.append([])
            weight = 0
        slices[-1].append(each)
        weight += each.size
    return slices


async def encoded(pieces: AsyncIterator[str], *, gzip: bool) -> AsyncIterator[bytes]:
    """The pieces as bytes, compressed when the harvester takes it (RFC 9110 §8.4.1.3)."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31) if gzip else None
    async for piece in pieces:
        raw = piece.encode("utf-8")
        if packer is not None:
            raw = await asyncio.to_thread(packer.compress, raw) if len(raw) > 20_000 else packer.compress(raw)
        if raw:
            yield raw
    if packer is not None:
        yield packer.flush()
