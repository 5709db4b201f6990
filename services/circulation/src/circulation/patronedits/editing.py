"""A slice of patrons: looked at, judged as strictly as a change of one would be, written and told of, taken back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.database import Connection
from chassis.edits import Outcome, reason
from chassis.ids import uuid7
from circulation.patronedits.documents import PatronChangesDoc
from circulation.patronedits.rules import (
    LONGEST_NOTE,
    Verdict,
    differing,
    flat,
    later,
    raised,
    told_as,
    touched,
)
from circulation.places.library import Library
from circulation.registration.details import with_statistics
from circulation.registration.writing import own_after, own_told, reasons_of
from contracts.circulation import PatronBlockAdded, PatronBlockRemoved, PatronUpdated
from contracts.events import Event

Rows = dict[UUID, dict[str, Any]]
Verdicts = dict[UUID, Verdict]
_LOOK: Final = """
SELECT p.id, p.version, p.group_code AS "group", p.library, p.expires_at, p.active, p.note, p.custom, p.statistics,
    p.tags, ARRAY(SELECT ROW(b.id, b.template) FROM patron_block b WHERE b.patron_id = p.id AND b.kind = 'manual'
        AND b.template IS NOT NULL AND (b.expires_at IS NULL OR b.expires_at > $2) ORDER BY b.id) AS blocks
FROM patron p WHERE p.id = ANY ($1::uuid[]) ORDER BY p.id
"""
_WRITE: Final = """
UPDATE patron SET group_code = $2, library = $3, expires_at = $4, active = $5, note = $6, custom = $7,
    statistics = $8, tags = $9, version = version + 1, guard = guard + 1
WHERE id = $1
"""
_GUARD: Final = "UPDATE patron SET guard = guard + 1 WHERE id = ANY ($1::uuid[])"
_BLOCK: Final = """
INSERT INTO patron_block (id, patron_id, template, actions, note, message, expires_at, created_at, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_LIFT: Final = """
WITH gone AS (DELETE FROM patron_block WHERE id = ANY ($1::uuid[]) RETURNING *), kept AS (
    INSERT INTO lifted_block (id, patron_id, template, actions, note, message, expires_at, created_at, created_by,
        loan_id, lifted_at, lifted_by, lifted_because)
    SELECT id, patron_id, template, actions, note, message, expires_at, created_at, created_by, loan_id, $2, $3, $4
    FROM gone)
SELECT id, patron_id, version FROM gone ORDER BY id
"""
_LIFTED: Final = """
SELECT patron_id, template, actions, note, message, expires_at, created_at, created_by FROM lifted_block
WHERE id = ANY ($1::uuid[]) AND (expires_at IS NULL OR expires_at > $2) ORDER BY id
"""
_STANDING: Final = "SELECT id FROM patron_block WHERE id = ANY ($1::uuid[])"


class Editing:
    """What is to be changed, by whom and when, and by which configuration it is judged."""

    def __init__(self, library: Library, changes: PatronChangesDoc, *, by: str, now: datetime) -> None:
        self.library, self.changes, self.by, self.now = library, changes, by, now

    async def look(self, connection: Connection, ids: Sequence[UUID], *, hold: bool) -> Rows:
        """The patrons as they are, locked in the order of their ids where that is wanted."""
        if hold:
            # what is read with a lock may be older than the lock: lock, then read
            await connection.fetch(
                "SELECT FROM patron WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE", list(ids)
            )
        return {row["id"]: dict(row) for row in await connection.fetch(_LOOK, list(ids), self.now)}

    def judge(self, row: Mapping[str, Any]) -> Verdict:
        """What is to become of a patron."""
        after, reasons = self._after(row)
        changed, becomes = differing(flat(row), flat(after))
        templates = {template for _, template in row["blocks"]}
        setting = self.changes.block is not None and self.changes.block.template not in templates
        lift = self.changes.lift
        lifted = [id_ for id_, template in row["blocks"] if lift is not None and template == lift.template]
        if not changed and not setting and not lifted:
            return Verdict(Outcome.UNCHANGED)
        if reasons:
            return Verdict(Outcome.CANNOT, reasons=reasons)
        differences = told_as(changed, becomes)
        if setting and self.changes.block is not None:
            differences.append({"field": "block", "before": None, "after": self.changes.block.template})
        if lifted and lift is not None:
            differences.append({"field": "block", "before": lift.template, "after": None})
        return Verdict(Outcome.CHANGE, [], changed, becomes, setting, lifted, differences)

    def _after(self, row: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, str]]]:
        """The facts as they are to be, and every reason why not."""
        told, changes = self.changes.told, self.changes
        after = {**dict(row), **told}
        if changes.extend_days is not None:
            after["expires_at"] = later(row["expires_at"], changes.extend_days)
        if changes.note is not None:
            after["note"] = changes.note.as_rule().of(row["note"])
        if changes.statistics is not None:
            after["statistics"] = with_statistics(row["statistics"], changes.statistics)
        wanted: dict[str, Any] = {"custom": changes.custom}
        if changes.tags is not None:
            kept = [tag for tag in row["tags"] if tag not in changes.tags.remove]
            wanted["tags"] = [*kept, *(tag for tag in changes.tags.add if tag not in kept)]
        own, wrong = own_after(self.library, row, wanted)
        judged = {"group": told.get("group"), "statistics": changes.statistics}
        wrong += reasons_of(self.library, judged, self.now)
        reasons = [reason(each.code, f"{each.pointer or ''}: {each.text}".lstrip(": ")) for each in wrong]
        if after["note"] != row["note"] and len(after["note"] or "") > LONGEST_NOTE:
            reasons.append(reason("note-too-long", f"A note has up to {LONGEST_NOTE} characters."))
        if changes.block is not None and changes.block.template not in self.library.block_templates:
            reasons.append(
                reason("block-template-unknown", f"There is no block template {changes.block.template!r}.")
            )
        return after | own, reasons

    async def write(self, connection: Connection, rows: Rows, verdicts: Verdicts) -> dict[UUID, UUID]:
        """Change those that are to be changed, and tell everybody; the blocks that were set, by patron."""
        changed = {id_: each for id_, each in sorted(verdicts.items()) if each.outcome is Outcome.CHANGE}
        events = await self._registrations(connection, rows, changed)
        added: dict[UUID, UUID] = {}
        blocks = []
        if self.changes.block is not None:
            template = self.library.block_templates.get(self.changes.block.template)
            for id_, each in changed.items():
                if each.block and template is not None:
                    added[id_] = uuid7()
                    until = self.changes.until(template.days, self.now)
                    blocks.append(
                        (
                            added[id_], id_, template.code, list(template.actions), template.note,
                            template.message, until, self.now, self.by,
                        )
                    )  # fmt: skip
        events += await self._set(connection, blocks)
        lifted = [block for each in changed.values() for block in each.lifted]
        because = self.changes.lift.reason if self.changes.lift is not None else ""
        events += await self._lift(connection, lifted, because)
        await connection.execute(_GUARD, [id_ for id_, each in changed.items() if not each.after])
        await outbox.record(connection, events)
        return added

    async def _registrations(self, connection: Connection, rows: Rows, changed: Verdicts) -> list[Event]:
        """Write the facts of those whose facts change."""
        written, events = [], []
        for id_, each in changed.items():
            if not each.after:
                continue
            row, after = rows[id_], raised(rows[id_], each.after)
            written.append(
                (
                    id_, after["group"], after["library"], after["expires_at"], after["active"], after["note"],
                    after["custom"], after["statistics"], after["tags"],
                )
            )  # fmt: skip
            names = tuple(sorted({name.partition(".")[0] for name in each.after}))
            events.append(
                PatronUpdated(
                    version=row["version"] + 1,
                    occurred_at=self.now,
                    patron_ref=id_,
                    patron_group=after["group"],
                    changed=names,
                    active=after["active"] if "active" in names else None,
                    **own_told(self.library, after["custom"], after["tags"], names),
                )
            )
        await connection.executemany(_WRITE, written)
        return list(events)

    async def _set(self, connection: Connection, blocks: Sequence[tuple[Any, ...]]) -> list[Event]:
        await connection.executemany(_BLOCK, blocks)
        return [
            PatronBlockAdded(
                version=1,
                occurred_at=self.now,
                block_id=each[0],
                patron_ref=each[1],
                actions=tuple(each[3]),
                template=each[2],
                until=each[6],
            )
            for each in blocks
        ]

    async def _lift(self, connection: Connection, ids: Sequence[UUID], because: str) -> list[Event]:
        if not ids:
            return []
        gone = await connection.fetch(_LIFT, list(ids), self.now, self.by, because)
        return [
            PatronBlockRemoved(
                version=row["version"] + 1,
                occurred_at=self.now,
                block_id=row["id"],
                patron_ref=row["patron_id"],
            )
            for row in gone
        ]

    async def back(
        self, connection: Connection, rows: Rows, records: Sequence[asyncpg.Record], name: str
    ) -> Verdicts:
        """Take back each that is as the edit left it, with its events; a conflict for every other."""
        set_ = [each["block_id"] for each in records if each["block_id"] is not None]
        standing = {row["id"] for row in await connection.fetch(_STANDING, set_)}
        told: Verdicts = {}
        for each in records:
            row = rows.get(each["id"])
            if row is None:
                told[each["id"]] = _conflict("gone", "There is no such patron any more.")
            elif since := touched(flat(row), each["after"]):
                told[each["id"]] = _conflict("changed-since", f"Changed since: {', '.join(since)}.")
            elif each["block_id"] is not None and each["block_id"] not in standing:
                told[each["id"]] = _conflict("changed-since", "The block was lifted since.")
            else:
                told[each["id"]] = Verdict(Outcome.CHANGE, after=each["before"])
        free = [each for each in records if told[each["id"]].outcome is Outcome.CHANGE]
        events = await self._registrations(connection, rows, {each["id"]: told[each["id"]] for each in free})
        ours = [each["block_id"] for each in free if each["block_id"] is not None]
        events += await self._lift(connection, ours, f"Taken back: {name}"[:1000])
        again = await connection.fetch(_LIFTED, [id_ for each in free for id_ in each["lifted"]], self.now)
        borne = {(id_, template) for id_, row in rows.items() for _, template in row["blocks"]}
        missed = [row for row in again if (row["patron_id"], row["template"]) not in borne]
        events += await self._set(connection, [(uuid7(), *_restored(row)) for row in missed])
        await connection.execute(_GUARD, [each["id"] for each in free if not told[each["id"]].after])
        await outbox.record(connection, events)
        return told


def _restored(row: asyncpg.Record) -> tuple[Any, ...]:
    """A block as it was, in the order of its columns."""
    return (
        row["patron_id"], row["template"], row["actions"], row["note"], row["message"], row["expires_at"],
        row["created_at"], row["created_by"],
    )  # fmt: skip


def _conflict(code: str, text: str) -> Verdict:
    return Verdict(Outcome.CONFLICT, reasons=[reason(code, text)])
