"""Titles: their records' fields, and whether the public sees them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from catalog.bulkedits import statements as sql
from catalog.bulkedits.documents import ChangesDoc
from catalog.bulkedits.editing import Rows, Verdicts, announce, conflict, to_write
from catalog.bulkedits.fields import CannotEdit, applied, protected, told
from catalog.bulkedits.own_rules import OWN_FACTS
from catalog.bulkedits.own_rules import differences as own_differences
from catalog.bulkedits.rules import MOST_TOLD, SLICE, Verdict, shown_fact
from catalog.custom.queries import definitions_on
from catalog.fastadd.rules import is_brief
from catalog.items.announcing import batches, states_on
from catalog.marc.record import Record
from catalog.marc.storage import unpack
from catalog.profiles.queries import protected_tags
from catalog.specifications.documents import SpecificationDoc, specification_of
from catalog.specifications.queries import on_save
from catalog.specifications.rules import Specification, errors, validate
from catalog.titles.facts import TitleColumns, columns, summary
from chassis.custom import Definition
from chassis.database import Connection, Sessions
from chassis.edits import Outcome, reason
from chassis.json import dumped
from contracts.catalog import TitleUpdated


@dataclass(frozen=True, slots=True)
class _Left:
    """A title as it is to be."""

    new: TitleColumns
    hidden: bool
    whole: bool
    own: Mapping[str, Any]
    """Tags, and facts of the library's own."""


class Titles:
    """Titles."""

    slice = SLICE

    def __init__(self, changes: ChangesDoc, sessions: Sessions) -> None:
        assert changes.titles is not None
        self._actions, self._suppressed = changes.titles.fields, changes.titles.suppressed
        self._own = changes.own
        self._known: Sequence[Definition] = ()
        self._sessions = sessions
        self._after: dict[UUID, _Left] = {}
        """Of this slice."""

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
        self._known = await definitions_on(connection, "titles") if self._own.custom else []
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
        own = {name: row[name] for name in OWN_FACTS}
        told_, faults = self._own.of(own, self._known)
        own |= told_
        if (
            new.record == row["record"]
            and hidden == row["suppressed"]
            and all(own[name] == row[name] for name in OWN_FACTS)
        ):
            return Verdict(Outcome.UNCHANGED)
        reasons = [reason(each.code, each.text) for each in faults]
        if specification is not None and new.record != row["record"]:
            wrong = errors(validate(after, specification))
            reasons += [reason(each.code, f"{each.where}: {each.text}") for each in wrong]
        if reasons:
            return Verdict(Outcome.CANNOT, reasons=reasons[:MOST_TOLD])
        return self._changing(id_, row, before, after, _Left(new, hidden, not is_brief(after), own))

    def _changing(
        self, id_: UUID, row: asyncpg.Record, before: Record, after: Record, left: _Left
    ) -> Verdict:
        left.new.match_key = row["match_key"]
        self._after[id_] = left
        differences = told(before, after)
        if left.hidden != row["suppressed"]:
            differences.append({"field": "suppressed", "before": row["suppressed"], "after": left.hidden})
        differences += [
            each | {"before": shown_fact(each["before"]), "after": shown_fact(each["after"])}
            for each in (
                *_tagged(row["tags"], left.own["tags"]),
                *own_differences(row["custom"], left.own["custom"]),
            )
        ]
        kept = {name: row[name] for name in OWN_FACTS if left.own[name] != row[name]}
        return Verdict(Outcome.CHANGE, differences[:MOST_TOLD], before=kept)

    async def write(
        self, connection: Connection, rows: Rows, verdicts: Verdicts, *, by: str, now: datetime
    ) -> dict[UUID, str]:
        """What they were is kept, as by every edit."""
        ids = to_write(verdicts)
        if not ids:
            return {}
        left = [self._after[id_] for id_ in ids]
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
            *([getattr(each.new, name) for each in left] for name in names),
            ["\n".join(each.new.keys) for each in left],
            [each.hidden for each in left],
            [each.whole for each in left],
            now,
            *([dumped(each.own[name]).decode() for each in left] for name in OWN_FACTS),
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
            left, row = self._after[id_], rows[id_]
            new, hidden = left.new, left.hidden
            beside = {name: left.own[name] for name in OWN_FACTS if left.own[name] != row[name]}
            title = summary(id_, version, new, suppressed=hidden, beside=beside)
            told_.append(TitleUpdated(version=version, occurred_at=now, title_id=id_, title=title))
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
        own = {each["id"]: each["before"] for each in records}
        return await asyncio.to_thread(self._restored, rows, made, before, own)

    def _restored(
        self,
        rows: Rows,
        made: Mapping[UUID, int],
        before: Mapping[UUID, asyncpg.Record],
        own: Mapping[UUID, Mapping[str, Any]],
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
                facts = {name: own[id_].get(name, row[name]) for name in OWN_FACTS}
                left = _Left(columns(old), before[id_]["suppressed"], not is_brief(old), facts)
                verdicts[id_] = self._changing(id_, row, now, old, left)
        return verdicts


def _refusing(doc: SpecificationDoc | None) -> Specification | None:
    return specification_of(doc) if doc is not None and doc.on_save == "refuse" else None


def _tagged(before: Sequence[str], after: Sequence[str]) -> list[dict[str, Any]]:
    return [{"field": "tags", "before": list(before), "after": list(after)}] if before != after else []


def _cannot(code: str, text: str) -> Verdict:
    return Verdict(Outcome.CANNOT, reasons=[reason(code, text)])
