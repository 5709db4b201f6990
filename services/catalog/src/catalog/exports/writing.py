"""A slice of titles as bytes of a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from catalog.exports.formats import FORMS, Named
from catalog.exports.rules import TELLS_GONE, Format, gone, identified
from catalog.holdings.embedding import with_embedded
from catalog.marc.iso2709 import Inexpressible
from catalog.marc.record import Field
from catalog.marc.storage import unpack


@dataclass(slots=True)
class Slice:
    """What a slice has come to."""

    content: bytes
    last: int
    given: int = 0
    gone: int = 0
    left_out: dict[int, str] = field(default_factory=dict)
    """By number, why a title cannot be said in this format."""


def written(
    rows: Sequence[asyncpg.Record],
    kind: Format,
    *,
    agency: str | None,
    first: bool,
    begins: bool,
    held: Mapping[UUID, Sequence[Field]] | None = None,
) -> Slice:
    """A slice's bytes; `first` while nothing was written, `begins` where the file's head is missing; `held` has
    holdings and items by title, where they are wanted. Costs CPU."""
    form = FORMS[kind]
    parts: list[bytes] = []
    told = Slice(b"", rows[-1]["number"])
    for row in rows:
        if row["gone"] and kind not in TELLS_GONE:
            told.gone += 1
            continue
        record = unpack(row["record"])
        record = gone(record) if row["gone"] else record
        record = identified(record, row["title_id"], agency) if agency is not None else record
        shelves: Sequence[Field] = ()
        if held is not None and not row["gone"]:
            shelves = held.get(row["title_id"], ())
            record = with_embedded(record, shelves) if kind in TELLS_GONE else record
        try:
            parts.append(form.write(Named(row["title_id"], row["number"], record, shelves)))
        except Inexpressible as error:
            told.left_out[row["number"]] = str(error)
            continue
        told.gone += row["gone"]
        told.given += not row["gone"]
    head = form.opening if begins else b""
    comma = b"" if first or not parts else form.between
    told.content = head + comma + form.between.join(parts)
    return told
