"""Titles: their records' fields, and whether the public sees them."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from catalog.bulkedits import statements as sql
from catalog.bulkedits.documents import ChangesDoc
from catalog.bulkedits.editing import Rows, Verdicts, announce, conflict, to_write
from catalog.bulkedits.fields import CannotEdit, applied, protected, told
from catalog.bulkedits.rules import MOST_TOLD, SLICE, Outcome, Verdict, reason
from catalog.fastadd.rules import is_brief
from catalog.items.announcing import batches, states_on
from catalog.marc.record import Record
from catalog.marc.storage import unpack
from catalog.profiles.queries import protected_tags
from catalog.specifications.documents import SpecificationDoc, specification_of
from catalog.specifications.queries import on_save
from catalog.specifications.rules import Specification, errors, validate
from catalog.titles.facts import TitleColumns, columns, summary
from chassis.database import Connection, Sessions
from contracts.catalog import TitleUpdated


class Titles:
    """Titles."""

    slice = SLICE

    def __init__(self, changes: ChangesDoc, sessions: Sessions) -> None:
        assert changes.titles is not None
        self._actions, self._suppressed = changes.titles.fields, changes.titles.suppressed
        self._sessions = sessions
        self._after: dict[UUID, tuple[TitleColumns, bool, bool]] = {}
        """Columns, whether it is hidden, and whether the record is whole; of this slice."""

    async def look(self, connection: Connection, ids: Sequence[UUID], *, hold: bool) -> Rows:
        """The titles."""
        rows = await connection.fetch(sql.HOLD_TITLES if hold else sql.LOOK_AT_TITLES, list(ids))
        return {row["id"]: row for row in rows}

    async def judge(self, connection: Connection, rows: Rows) -> Verdicts:
        """By what the library protects and asks of records now."""
        async with self._sessions() as session:
            kept = await protected_tags(session, None)
            doc = await on_save(session, "bibliographic")
        specification = _refusing(doc)
        stands = protected(self._actions, kept)
        return await asyncio.to_thread(self._judged, rows, stands, specification)

    def _judged(self, rows: Rows, stands: Mapping[str, int], specification: Specification | None) -> Verdicts:
        self._after = {}
        return {id_: self._one(id_, row, stands, specification) for id_, row in rows.items()}

    def _one(
        self,
        id_: UUID,
        row: asyncpg.Record,
        stands: Mapping[str, int],
        specification: Specification | None,
    ) -> Verdict:
        if row["deleted_at"] is not None:
            return _cannot("title-deleted", "This title is deleted, or was merged into another.")
        if stands:
            return _cannot("field-protected", f"The library protects {', '.join(sorted(stands))}.")
        before = unpack(row["record"])
        try:
            after = applied(before, self._actions)
            new = columns(after)
        except CannotEdit as problem:
            return _cannot(problem.code, str(problem))
        except (UnicodeError, ValueError, TypeError) as problem:
            return _cannot("unstorable-value", str(problem))
        hidden = row["suppressed"] if self._suppressed is None else self._suppressed
        if new.record == row["record"] and hidden == row["suppressed"]:
            return Verdict(Outcome.UNCHANGED)
        if specification is not None and new.record != row["record"]:
            wrong = errors(validate(after, specification))
            reasons = [reason(each.code, f"{each.where}: {each.text}") for each in wrong[:MOST_TOLD]]
            if reasons:
                return Verdict(Outcome.CANNOT, reasons=reasons)
        return self._changing(id_, row, before, after, new, hidden)

    def _changing(
        self, id_: UUID, row: asyncpg.Record, before: Record, after: Record, new: TitleColumns, hidden: bool
    ) -> Verdict:
        new.match_key = row["match_key"]
        self._after[id_] = (new, hidden, not is_brief(after))
        differences = told(before, after)
        if hidden != row["suppressed"]:
            differences.append({"field": "suppressed", "before": row["suppressed"], "after": hidden})
        return Verdict(Outcome.CHANGE, differences)

    async def write(
        self, connection: Connection, rows: Rows, verdicts: Verdicts, *, by: str, now: datetime
    ) -> dict[UUID, str]:
        """What they were is kept, as by every edit."""
        ids = to_write(verdicts)
        if not ids:
            return {}
        new = [self._after[id_] for id_ in ids]
        await connection.execute(sql.KEEP_TITLES, ids, now, by)
        names = (
            "control_number",
            "control_agency",
            "title",
            "subtitle",
            "author",
            "year",
            "format",
            "record",
        )
        written = await connection.fetch(
            sql.WRITE_TITLES,
            ids,
            *([getattr(each, name) for each, _, _ in new] for name in names),
            ["\n".join(each.keys) for each, _, _ in new],
            [hidden for _, hidden, _ in new],
            [whole for _, _, whole in new],
            now,
        )
        versions = {row["id"]: row["version"] for row in written}
        await self._tell(connection, rows, versions, now)
        return {id_: str(version) for id_, version in versions.items()}

    async def _tell(
        self, connection: Connection, rows: Rows, versions: Mapping[UUID, int], now: datetime
    ) -> None:
        told_ = []
        retold = []
        for id_, version in versions.items():
            new, hidden, _ = self._after[id_]
            title = summary(id_, version, new, suppressed=hidden)
            told_.append(TitleUpdated(version=version, occurred_at=now, title_id=id_, title=title))
            row = rows[id_]
            if (new.title, new.author, hidden) != (row["title"], row["author"], row["suppressed"]):
                retold.append(id_)
        states = []
        if retold:
            items = await connection.fetch(sql.RAISE_ITEMS, retold, now)
            states = await states_on(connection, [row["id"] for row in items])
        await announce(connection, [*told_, *batches(states, now=now)], list(versions))

    async def back(self, connection: Connection, rows: Rows, records: Sequence[asyncpg.Record]) -> Verdicts:
        """The record before the edit is the newest again, where the edit's is still the newest."""
        made = {each["id"]: int(each["left_as"]) for each in records}
        versions = [version - 1 for version in made.values()]
        found = await connection.fetch(sql.BEFORE_TITLES, list(made), versions)
        before = {row["id"]: row for row in found}
        return await asyncio.to_thread(self._restored, rows, made, before)

    def _restored(
        self, rows: Rows, made: Mapping[UUID, int], before: Mapping[UUID, asyncpg.Record]
    ) -> Verdicts:
        self._after = {}
        verdicts: Verdicts = {}
        for id_, version in made.items():
            row = rows.get(id_)
            if row is None or row["deleted_at"] is not None:
                verdicts[id_] = conflict("title-deleted", "The title was deleted, or merged into another.")
            elif row["version"] != version or id_ not in before:
                words = f"The edit made version {version}, the title is at {row['version']}."
                verdicts[id_] = conflict("changed-since", words)
            else:
                now, old = unpack(row["record"]), unpack(before[id_]["record"])
                hidden = before[id_]["suppressed"]
                verdicts[id_] = self._changing(id_, row, now, old, columns(old), hidden)
        return verdicts


def _refusing(doc: SpecificationDoc | None) -> Specification | None:
    return specification_of(doc) if doc is not None and doc.on_save == "refuse" else None


def _cannot(code: str, text: str) -> Verdict:
    return Verdict(Outcome.CANNOT, reasons=[reason(code, text)])
