"""The index in a folder: one writer, any number of readers in any process, rebuilt beside the serving one.

    index/CURRENT            the name of the folder that serves
    index/v1-<name>/         a tantivy index, and `position`: how far the change table has been read

The position is written after the commit, so a crash in between repeats a little: every change replaces the
title whole, so repeating is harmless.
"""

import json
import os
import re
import shutil
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

import tantivy
from tantivy import Occur, Order, Query

from catalog.search.compile import compiled, filtered
from catalog.search.documents import FACETS, SCHEMA_VERSION, TitleDocument, as_document, make_schema
from catalog.search.grammar import Node, QueryProblem, parse

Sort = Literal["relevance", "title", "author", "year", "-title", "-author", "-year"]
DEEPEST_HIT: Final = 10_000
MOST_FACET_VALUES: Final = 200
SEGMENT_VALUES: Final = 65_000
LONGEST_SCAN_PREFIX: Final = 6
WRITER_BYTES: Final = 64_000_000
TRIES: Final = 5
"""How often an index may be replaced in the moment of its opening."""
_NAME: Final = re.compile(r"^v\d+-[A-Za-z0-9-]+$")


class AnotherWriter(Exception):
    """Another process writes this index already."""


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What is asked."""

    query: str | Node = ""
    """In the catalogue's language (docs/search-query.md), or a tree that another language has come to."""
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    facets: Sequence[str] = ()
    facet_size: int = 20
    sort: Sort = "relevance"
    limit: int = 20
    offset: int = 0
    with_suppressed: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """A title found: its id, and what a list shows of it (JSON)."""

    title_id: UUID
    stored: bytes
    score: float | None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A page of hits. Totals and facet counts are exact."""

    hits: list[Hit]
    total: int
    facets: dict[str, list[tuple[str, int]]]
    position: int


@dataclass(frozen=True, slots=True)
class ScannedTerm:
    """A term of an index, and how many titles have it."""

    term: str
    count: int


class Reader:
    """Searches the serving index; sees a commit of the writer with the next search."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._name: str | None = None
        self._index: tantivy.Index | None = None
        self._seen: tuple[int, int] = (0, 0)

    def _current(self) -> tantivy.Index | None:
        """The serving index, reloaded when it has changed; None before there is any."""
        with self._lock:
            for _ in range(TRIES):
                name = serving(self._folder)
                if name is None:
                    return None
                try:
                    return self._opened(name)
                except (FileNotFoundError, ValueError):
                    if serving(self._folder) == name:
                        raise
            raise FileNotFoundError(f"no index in {self._folder} stays")

    def _opened(self, name: str) -> tantivy.Index:
        """The index of this name; it may be removed in the very moment, when another has taken over."""
        told = (self._folder / name / "meta.json").stat()
        seen = (told.st_mtime_ns, told.st_size)
        if name != self._name or self._index is None:
            self._index, self._name = tantivy.Index.open(str(self._folder / name)), name
        elif seen != self._seen:
            self._index.reload()
        self._seen = seen
        return self._index

    def position(self) -> int:
        """How far the index has followed the changes."""
        while (name := serving(self._folder)) is not None:
            found = read_position(self._folder / name)
            if found or serving(self._folder) == name:
                return found
        return 0

    def count(self) -> int:
        """Titles in the index, suppressed ones included."""
        index = self._current()
        return index.searcher().num_docs if index is not None else 0

    def search(self, asked: SearchRequest) -> SearchResult:
        """Search. Raises `QueryProblem`. Releases the interpreter's lock while the engine works."""
        tree: Node = parse(asked.query) if isinstance(asked.query, str) else asked.query
        if asked.offset + asked.limit > DEEPEST_HIT:
            raise QueryProblem("too-deep", f"Hits are given up to the {DEEPEST_HIT}th: narrow the query.", 0)
        if unknown := [name for name in asked.facets if name not in FACETS]:
            raise QueryProblem("facet-unknown", f"There is no facet {unknown[0]!r}: {', '.join(FACETS)}.", 0)
        position = self.position()
        index = self._current()
        schema = index.schema if index is not None else make_schema()
        query = filtered(
            compiled(tree, schema), asked.filters, schema=schema, with_suppressed=asked.with_suppressed
        )
        order = _order(asked.sort)
        if index is None:
            return SearchResult([], 0, {name: [] for name in asked.facets}, 0)
        searcher = index.searcher()
        found = searcher.search(query, limit=max(asked.limit, 1), offset=asked.offset, **order)
        total: int = found.count  # type: ignore[attr-defined]  # missing in the wheel's stubs
        hits = []
        for score, address in found.hits[: asked.limit]:
            told = searcher.doc(address)
            scored = score if isinstance(score, float) else None
            hits.append(Hit(UUID(told["key"][0]), bytes(told["stored"][0]), scored))
        return SearchResult(hits, total, _facets(searcher, query, asked), position)

    def scan(self, field: str, start: str, *, before: int, after: int) -> tuple[list[ScannedTerm], int]:
        """The index's terms around `start`: up to `before` that are less, up to `after` from it on, in the order of
        their characters; and how many of them are less. Only terms of titles that the public sees are told.

        The engine walks its dictionary by prefix, so the neighbourhood is widened letter by letter until there is
        enough of it.
        """
        index = self._current()
        if index is None:
            return [], 0
        searcher, schema = index.searcher(), index.schema
        public = Query.term_query(schema, "public", "yes")
        less: list[ScannedTerm] = []
        more: list[ScannedTerm] = []
        seen: set[str] = set()
        for length in range(min(len(start), LONGEST_SCAN_PREFIX), -1, -1):
            found = sorted(
                term for term, _ in searcher.terms_with_prefix(field, start[:length]) if term not in seen
            )
            seen.update(found)
            for term in reversed([each for each in found if each < start]):
                if len(less) >= before:
                    break
                if count := _count(searcher, schema, public, field, term):
                    less.append(ScannedTerm(term, count))
            for term in (each for each in found if each >= start):
                if len(more) >= after:
                    break
                if count := _count(searcher, schema, public, field, term):
                    more.append(ScannedTerm(term, count))
            if len(less) >= before and len(more) >= after:
                break
        return [*reversed(less), *more], len(less)


def _count(searcher: tantivy.Searcher, schema: tantivy.Schema, public: Query, field: str, term: str) -> int:
    both = Query.boolean_query([(Occur.Must, public), (Occur.Must, Query.term_query(schema, field, term))])
    found = searcher.search(both, limit=1)
    return int(found.count)  # type: ignore[attr-defined]  # missing in the wheel's stubs


def _order(sort: Sort) -> dict[str, Any]:
    orders: dict[str, dict[str, Any]] = {
        "relevance": {},
        "title": {"order_by_field": "s_title", "order": Order.Asc},
        "author": {"order_by_field": "s_author", "order": Order.Asc},
        "year": {"order_by_field": "year", "order": Order.Asc},
        "-title": {"order_by_field": "s_title", "order": Order.Desc},
        "-author": {"order_by_field": "s_author", "order": Order.Desc},
        "-year": {"order_by_field": "year", "order": Order.Desc},
    }
    try:
        return orders[sort]
    except KeyError:
        raise QueryProblem("sort-unknown", f"There is no order {sort!r}: {', '.join(orders)}.", 0) from None


def _facets(
    searcher: tantivy.Searcher, query: Query, asked: SearchRequest
) -> dict[str, list[tuple[str, int]]]:
    if not asked.facets:
        return {}
    size = min(max(asked.facet_size, 1), MOST_FACET_VALUES)
    wanted = {
        name: {"terms": {"field": f"f_{name}", "size": size, "segment_size": SEGMENT_VALUES}}
        for name in dict.fromkeys(asked.facets)
    }
    told = searcher.aggregate(query, wanted)
    return {
        name: [(bucket["key"], bucket["doc_count"]) for bucket in told[name]["buckets"]]
        for name in asked.facets
    }


class Writer:
    """Writes one index folder; there is one writer at a time, in all processes."""

    def __init__(self, folder: Path, name: str, *, memory: int = WRITER_BYTES, threads: int = 1) -> None:
        self._path = folder / name
        self._path.mkdir(parents=True, exist_ok=True)
        self.schema = make_schema()
        self._index = tantivy.Index(self.schema, path=str(self._path))
        try:
            self._writer = self._index.writer(memory, threads)
        except ValueError as error:
            if "LockBusy" in str(error):
                raise AnotherWriter(f"another process writes {self._path}") from error
            raise

    def position(self) -> int:
        """How far the changes have been applied."""
        return read_position(self._path)

    def apply(self, upserts: Iterable[TitleDocument], deletes: Iterable[UUID], position: int) -> None:
        """Replace these titles and drop those, in one commit; then remember the position."""
        for title in upserts:
            self.replace(str(title.title_id), as_document(title))
        for title_id in deletes:
            self._drop(str(title_id))
        self._writer.commit()
        write_position(self._path, position)

    def add_new(self, titles: Iterable[TitleDocument]) -> None:
        """Add titles known not to be there (a rebuild); `apply` commits them."""
        for title in titles:
            self.add(as_document(title))

    def replace(self, key: str, title: tantivy.Document) -> None:
        """Put a title in place of what is there under its key; `apply` commits it."""
        self._drop(key)
        self._writer.add_document(title)

    def add(self, title: tantivy.Document) -> None:
        """Add a title known not to be there; `apply` commits it."""
        self._writer.add_document(title)

    def _drop(self, key: str) -> None:
        self._writer.delete_documents_by_query(Query.term_query(self.schema, "key", key))

    def close(self) -> None:
        """Finish merging and let go of the lock."""
        self._writer.wait_merging_threads()


def serving(folder: Path) -> str | None:
    """The name of the index that serves, if it is one that this release can read."""
    try:
        name = (folder / "CURRENT").read_text().strip()
    except FileNotFoundError:
        return None
    return name if _NAME.match(name) and name.startswith(f"v{SCHEMA_VERSION}-") else None


def switch(folder: Path, name: str) -> None:
    """Let another index serve, at once for every reader; what served before, or was left half built, is removed.

    A reader in the middle of a search has its files open, and finishes with them.
    """
    temporary = folder / f"CURRENT.{os.getpid()}"
    temporary.write_text(name)
    temporary.replace(folder / "CURRENT")
    for old in folder.iterdir():
        if old.is_dir() and old.name != name and _NAME.match(old.name):
            shutil.rmtree(old, ignore_errors=True)


def read_position(path: Path) -> int:
    """The position beside an index; 0 when there is none."""
    with suppress(FileNotFoundError, ValueError, KeyError):
        return int(json.loads((path / "position").read_text())["position"])
    return 0


def write_position(path: Path, position: int) -> None:
    """Remember a position, atomically."""
    temporary = path / "position.new"
    temporary.write_text(json.dumps({"position": position}))
    temporary.replace(path / "position")
