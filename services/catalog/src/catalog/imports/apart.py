"""A large file is read in a process of its own; a small one is read sooner than such a process starts."""

from multiprocessing.connection import Connection
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

import orjson

from catalog.apart import Apart, serve
from catalog.imports.held import Held
from catalog.imports.reading import SLICE_RECORDS, FileReader, Prepared, Slice
from catalog.imports.rules import Outcome
from catalog.marc.items import ItemFacts
from catalog.profiles.rules import plan_told
from catalog.titles.facts import TitleColumns

_columns: Final = attrgetter(*TitleColumns.__slots__)
_item: Final = attrgetter(*ItemFacts.__slots__)
_held: Final = attrgetter(*Held.__slots__)


class ReaderApart:
    """The parent's side; asked like a `FileReader`. The plan goes as JSON: `catalog.profiles.rules.plan_told`."""

    def __init__(
        self,
        path: Path,
        media_type: str,
        plan: str,
        *,
        position: int,
        ordinal: int,
        limit: int,
        niceness: int,
    ) -> None:
        path.stat()
        self._apart = Apart(__name__, path, media_type, plan, position, ordinal, limit, niceness=niceness)

    def next_slice(self, most: int = SLICE_RECORDS, *, entries: bool = False) -> Slice:
        """The next records."""
        records, end, last = self._apart.asked(most, entries)
        return Slice([_taken(each) for each in records], end, last)

    def close(self) -> None:
        """Let it end."""
        self._apart.end()


def _sent(record: Prepared) -> tuple[Any, ...]:
    """A record as it goes through the pipe: tuples are sent in a tenth of the time that objects take."""
    return (
        record.ordinal,
        record.position,
        _columns(record.columns) if record.columns is not None else None,
        [_item(item) for item in record.items],
        record.outcome.value if record.outcome is not None else None,
        record.reasons,
        record.control_number,
        record.lossy,
        record.raw,
        record.entry,
        record.whole,
        record.legacy_id,
        [_held(each) for each in record.held],
        record.belongs_to,
    )


def _taken(told: tuple[Any, ...]) -> Prepared:
    ordinal, position, columns, items, outcome, *rest, held, belongs_to = told
    taken = Prepared(
        ordinal,
        position,
        TitleColumns(*columns) if columns is not None else None,
        [ItemFacts(*item) for item in items],
        Outcome(outcome) if outcome is not None else None,
        *rest,
    )
    taken.held, taken.belongs_to = [Held(*each) for each in held], belongs_to
    return taken


def read(
    pipe: Connection, path: str, media_type: str, plan: str, position: str, ordinal: str, limit: str
) -> None:
    """The child's side: slice after slice, as long as they are asked for."""
    reader = FileReader(
        Path(path),
        media_type,
        plan_told(orjson.loads(plan)),
        position=int(position),
        ordinal=int(ordinal),
        limit=int(limit),
    )
    while True:
        most, entries = pipe.recv()
        told = reader.next_slice(most, entries=entries)
        pipe.send(([_sent(record) for record in told.records], told.end, told.last))


if __name__ == "__main__":
    serve(read)
