"""Entries that an import hands over before it commits them, so that the indexer of this process need not read and
take apart again what was in hand a moment ago.

A title that is new with this very transaction is in no index yet, and what is handed over is what its change row
tells of: the indexer uses an entry once, for that row. Whatever is not here it reads from the database as ever.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from catalog.search.documents import Copies

MOST_BYTES: Final = 48_000_000
"""Entries kept: some 40 000 titles, which an import may be ahead of the index."""

Entry = tuple[bytes, Copies]


@dataclass(slots=True)
class Ready:
    """What is ready to be indexed in this process."""

    wanted: bool = False
    """Whether an indexer is at work here that would take it."""
    _importing: int = 0
    _entries: dict[UUID, Entry] = field(default_factory=dict)
    _bytes: int = 0

    @contextmanager
    def offering(self) -> Iterator[dict[UUID, Entry]]:
        """Fill this within the transaction; it is taken back when that fails.

        It must be in place before the commit: a change row that is read without it leaves an entry behind that would
        be taken for a later change.
        """
        offered: dict[UUID, Entry] = {}
        try:
            yield offered
        except BaseException:
            for title_id in offered:
                self.take(title_id)
            raise

    @contextmanager
    def importing(self) -> Iterator[None]:
        """An import is under way in this process: more is to come."""
        self._importing += 1
        try:
            yield
        finally:
            self._importing -= 1

    @property
    def goes_on(self) -> bool:
        """Whether any import is under way."""
        return self._importing > 0

    def put(self, offered: dict[UUID, Entry]) -> None:
        """Let the indexer have these, as far as there is room."""
        if self.wanted and self._bytes < MOST_BYTES:
            self._entries.update(offered)
            self._bytes += sum(len(entry) for entry, _ in offered.values())

    def take(self, title_id: UUID) -> Entry | None:
        """A title's entry, once."""
        found = self._entries.pop(title_id, None)
        if found is not None:
            self._bytes -= len(found[0])
        return found

    def forget(self, *, wanted: bool) -> None:
        """Another index begins, in which some of these titles may be already."""
        self.wanted = wanted
        self._entries.clear()
        self._bytes = 0
