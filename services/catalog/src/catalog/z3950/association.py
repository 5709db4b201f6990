"""One association: what is asked is answered, one request after the other. No sockets; whatever happens is told."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import asyncpg

from catalog.search import grammar
from catalog.search.engine import Reader
from catalog.sru.indexes import Index
from catalog.sru.rules import index_of, plain_text
from catalog.sru.scanning import beginning
from catalog.z3950 import asking, queries, records, rules, sets
from catalog.z3950.queries import Told
from catalog.z3950.rules import Diagnosed
from catalog.z3950.sets import ResultSet
from chassis.resources import Resources
from contracts.z3950 import requests, responses
from contracts.z3950.ber import NotBer
from contracts.z3950.charsets import Charset
from contracts.z3950.query import BIB1, Malformed
from contracts.z3950.requests import (
    CloseRequest,
    DeleteRequest,
    InitRequest,
    PresentRequest,
    Request,
    ScanRequest,
    SearchRequest,
    SortRequest,
)

log = logging.getLogger(__name__)

VERSIONS: Final = frozenset({0, 1, 2})
OPTIONS: Final = frozenset({0, 1, 2, 7, 8, 14, 16, 17, 19})
"""Search, present, delete, scan, sort; named result sets, counts of what was sorted, negotiation, queries in CQL."""
SMALLEST_MESSAGE: Final = 4096
MOST_RECORDS: Final = 100
"""Records of one answer."""
MOST_TERMS: Final = 200
LONGEST_NAME: Final = 200
_OVERHEAD: Final = 100
"""Bytes of an answer around its records."""
DEFAULT_SET: Final = "default"


@dataclass(slots=True)
class Association:
    """What two sides have agreed upon, and the result sets."""

    resources: Resources
    places: asyncio.Semaphore
    """How many searches of all associations run at once."""
    began: bool = False
    ended: bool = False
    """Whether nothing is to be said any more."""
    version3: bool = False
    charset: Charset | None = None
    """What was agreed on; None: nothing was."""
    in_records: Charset = "utf-8"
    preferred_size: int = 0
    exceptional_size: int = 0
    named: dict[str, ResultSet] = field(default_factory=dict)

    @property
    def _reader(self) -> Reader:
        reader: Reader = self.resources.own["reader"]
        return reader

    def close(self, reason: int, words: str) -> bytes:
        """What is said at the end, if anything: version 2 just hangs up."""
        self.ended = True
        return responses.closed(None, reason, words) if self.version3 or not self.began else b""

    async def answer(self, told: bytes) -> bytes:
        """The answer to a whole message."""
        try:
            asked = await asyncio.to_thread(requests.read, told)
        except (NotBer, Malformed) as error:
            return self.close(responses.PROTOCOL_ERROR, str(error))
        if not self.began and not isinstance(asked, InitRequest):
            return self.close(responses.PROTOCOL_ERROR, "An association begins with Init.")
        match asked:
            case InitRequest():
                return self._init(asked)
            case SearchRequest():
                return await self._guarded(asked, self._search(asked))
            case PresentRequest():
                return await self._guarded(asked, self._present(asked))
            case ScanRequest():
                return await self._guarded(asked, self._scan(asked))
            case SortRequest():
                return await self._guarded(asked, self._sort(asked))
            case DeleteRequest():
                return self._delete(asked)
            case CloseRequest():
                self.ended = True
                return responses.closed(asked.reference, responses.FINISHED)
        return self.close(responses.PROTOCOL_ERROR, f"Message {asked.tag} was not agreed on.")

    async def _guarded(self, asked: Request, answering: Coroutine[Any, Any, bytes]) -> bytes:
        """An answer, or the diagnostic in its place."""
        try:
            return await answering
        except Diagnosed as problem:
            return self._refused(asked, problem)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            log.warning("a request of Z39.50 could not be answered now", exc_info=True)
        except Exception:  # one association's bad luck is nobody else's
            log.exception("a request of Z39.50 could not be answered")
        return self._refused(asked, Diagnosed(2))

    def _refused(self, asked: Request, problem: Diagnosed) -> bytes:
        told = self._diagnostic(problem)
        if isinstance(asked, SearchRequest):
            return responses.searched(asked.reference, total=0, found=False, diagnostic=told)
        if isinstance(asked, ScanRequest):
            return responses.scanned(asked.reference, diagnostic=told)
        if isinstance(asked, SortRequest):
            return responses.ordered(asked.reference, diagnostic=told)
        return responses.presented(asked.reference, status=responses.FAILURE, diagnostic=told)

    def _diagnostic(self, problem: Diagnosed) -> bytes:
        more = records.encoded(problem.more[:500], self.charset or "utf-8")
        return responses.diagnosed(problem.number, more, plain=not self.version3)

    def _init(self, asked: InitRequest) -> bytes:
        settings = self.resources.settings
        versions, options = asked.versions & VERSIONS, asked.options & OPTIONS
        limit = settings.z3950_message_limit
        self.preferred_size = min(max(asked.preferred_size or limit, SMALLEST_MESSAGE), limit)
        self.exceptional_size = min(max(asked.exceptional_size, self.preferred_size), limit)
        self.began, self.version3 = bool(versions), 2 in versions
        self.named.clear()
        charset = asked.charset if self.version3 else None
        self.charset = charset.charset if charset is not None else None
        chosen = charset is not None and charset.records_too and charset.charset is not None
        self.in_records = (
            charset.charset if charset and charset.charset and chosen else settings.z3950_charset
        )
        self.ended = not self.began
        return responses.initialized(
            asked.reference,
            accepted=self.began,
            versions=versions,
            options=options if charset is not None else options - {17},
            preferred_size=self.preferred_size,
            exceptional_size=self.exceptional_size,
            name="Carrel",
            charset=charset,
        )

    def _checked_databases(self, databases: Sequence[str]) -> None:
        known = {self.resources.settings.z3950_database.casefold(), "default"}
        if len(databases) > 1:
            raise Diagnosed(111, "1")
        if not databases or databases[0].casefold() not in known:
            raise Diagnosed(235, databases[0][:LONGEST_NAME] if databases else "")

    def _keep(self, name: str, found: ResultSet) -> None:
        most = self.resources.settings.z3950_result_sets
        if len(self.named) >= most and name not in self.named:
            raise Diagnosed(112, str(most))
        self.named[name] = found

    async def _search(self, asked: SearchRequest) -> bytes:
        if len(asked.name) > LONGEST_NAME:
            raise Diagnosed(128, str(LONGEST_NAME))
        if asked.name in self.named and not asked.replace:
            raise Diagnosed(21, asked.name)
        before = dict(self.named)  # a query may name the set that it replaces
        self.named.pop(asked.name, None)  # whatever comes of it
        self._checked_databases(asked.databases)
        reader = self._reader

        def sought() -> ResultSet:
            known: dict[str, grammar.Node] = {}

            def query_of(name: str) -> grammar.Node:
                if name not in known:
                    known[name] = sets.as_query(reader, _named(before, name))
                return known[name]

            tree, order = asking.wanted(asked.query, query_of, self.charset)
            return sets.found(reader, tree, order)

        async with self.places:
            found = await asyncio.to_thread(sought)
        self._keep(asked.name, found)
        if found.total <= asked.small_upper:
            number, elements = found.total, asked.small_elements
        elif found.total < asked.large_lower:
            number, elements = min(asked.medium, found.total), asked.medium_elements
        else:
            number, elements = 0, None
        if number <= 0:
            following = 1 if found.total else 0
            return responses.searched(asked.reference, total=found.total, following=following)
        syntaxes = (asked.syntax,) if asked.syntax else ()
        try:
            first, status = await self._records(found, 1, number, syntaxes, elements)
        except Diagnosed as problem:  # the search has succeeded all the same
            return responses.searched(
                asked.reference,
                total=found.total,
                following=1,
                status=responses.FAILURE,
                diagnostic=self._diagnostic(problem),
            )
        return responses.searched(
            asked.reference,
            total=found.total,
            records=first,
            following=_following(found, 1 + len(first)),
            status=status,
        )

    async def _present(self, asked: PresentRequest) -> bytes:
        if asked.ranges:
            raise Diagnosed(243)
        found = _named(self.named, asked.name)
        told, status = await self._records(
            found, asked.start, asked.number, asked.syntaxes, asked.elements, any_syntax=asked.any_syntax
        )
        following = _following(found, asked.start + len(told))
        return responses.presented(asked.reference, records=told, following=following, status=status)

    async def _records(
        self,
        found: ResultSet,
        start: int,
        number: int,
        syntaxes: Sequence[str],
        elements: str | None,
        *,
        any_syntax: bool = False,
    ) -> tuple[list[bytes], int]:
        """Records from a place on, as many as an answer holds, and whether these are all."""
        syntax = records.syntax_of(syntaxes, any_syntax=any_syntax)
        chosen = records.elements_of(elements, syntax)
        ids = await asyncio.to_thread(sets.page, self._reader, found, start, number)
        wanted = ids[:MOST_RECORDS]
        with_copies = syntax in records.WITH_COPIES
        titles = await queries.told(
            self.resources.pool, [each for each in wanted if each is not None], with_copies=with_copies
        )
        return await asyncio.to_thread(
            self._fitting,
            [titles.get(each) if each is not None else None for each in wanted],
            syntax,
            chosen,
            number,
        )

    def _fitting(
        self, titles: Sequence[Told | None], syntax: str, elements: str, number: int
    ) -> tuple[list[bytes], int]:
        """As many records as a message holds. One that is too long for it is sent if it was asked for by itself."""
        database = self.resources.settings.z3950_database.encode()
        told: list[bytes] = []
        size = _OVERHEAD
        for title in titles:
            record = self._record(database, title, syntax, elements)
            if len(record) + _OVERHEAD > self.preferred_size and not (
                number == 1 and len(record) + _OVERHEAD <= self.exceptional_size
            ):
                is_exceptional = len(record) + _OVERHEAD <= self.exceptional_size
                problem = Diagnosed(16 if is_exceptional else 17, f"{len(record)} bytes")
                record = responses.surrogate(database, self._diagnostic(problem))
            elif size + len(record) > self.preferred_size and told:
                return told, responses.TOO_LARGE
            told.append(record)
            size += len(record)
        return told, responses.SUCCESS if len(told) == number else responses.TOO_MANY

    def _record(self, database: bytes, title: Told | None, syntax: str, elements: str) -> bytes:
        try:
            if title is None:
                raise Diagnosed(1028)  # it was found, and has been hidden or deleted since
            return responses.record(database, records.written_as(title, syntax, elements, self.in_records))
        except Diagnosed as problem:
            return responses.surrogate(database, self._diagnostic(problem))

    async def _scan(self, asked: ScanRequest) -> bytes:
        self._checked_databases(asked.databases)
        if asked.step:
            raise Diagnosed(206, str(asked.step))
        number = min(asked.number, MOST_TERMS)
        if number < 1 or not 0 <= asked.position <= number + 1:
            raise Diagnosed(233, str(asked.position))
        clause = asking.clause_of(asked.start, asked.attribute_set or BIB1, self.charset)
        index = index_of(clause)
        if not isinstance(index, Index) or not index.scannable:
            raise Diagnosed(114, clause.index.removeprefix("carrel."))
        scanned, start = beginning(index, plain_text(clause.term.removeprefix("^").removesuffix("*")))
        before = max(asked.position - 1, 0)
        skip = asked.position == 0  # the list begins behind the term that was asked for
        async with self.places:
            terms, less = await asyncio.to_thread(
                self._reader.scan, scanned, start, before=before, after=number - before + skip
            )
        if skip and [each.term for each in terms[less : less + 1]] == [start]:
            del terms[less]
        told = [(records.encoded(each.term, self.charset or "utf-8"), each.count) for each in terms[:number]]
        return responses.scanned(
            asked.reference,
            terms=told,
            position=0 if skip else less + 1,
            partial=len(told) < number,
        )

    async def _sort(self, asked: SortRequest) -> bytes:
        if len(asked.inputs) != 1:
            raise Diagnosed(230 if asked.inputs else 208, "1")
        if not asked.output or len(asked.output) > LONGEST_NAME:
            raise Diagnosed(128, str(LONGEST_NAME))
        keys = []
        for key in asked.keys:
            attributes = [(each.type, each.value) for each in key.attributes]
            keys.append(rules.sort_key(attributes, key.field, key.relation, key.missing))
        if not keys:
            raise Diagnosed(207)
        order = rules.order(keys)
        reader, given = self._reader, _named(self.named, asked.inputs[0])
        async with self.places:
            found = await asyncio.to_thread(lambda: sets.found(reader, sets.as_query(reader, given), order))
        self._keep(asked.output, found)
        return responses.ordered(asked.reference, total=found.total)

    def _delete(self, asked: DeleteRequest) -> bytes:
        names = list(self.named) if asked.names is None else list(dict.fromkeys(asked.names))
        statuses = [(name, self.named.pop(name, None) is not None) for name in names]
        return responses.deleted(asked.reference, statuses, listed=asked.names is not None)


def _named(known: Mapping[str, ResultSet], name: str) -> ResultSet:
    found = known.get(name)
    if found is None:
        raise Diagnosed(30, name[:LONGEST_NAME])
    return found


def _following(found: ResultSet, place: int) -> int:
    """The next record's place; 0 behind the last."""
    return place if place <= found.total else 0
