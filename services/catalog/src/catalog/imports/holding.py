"""Holdings that records tell of, or are: given their record, told of, and never doubled."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from catalog.callnumbers.rules import Scheme, shelving_key
from catalog.history.statements import keeping
from catalog.holdings.policy_rules import policies
from catalog.holdings.telling import holdings_states_on
from catalog.imports.held import Held
from catalog.imports.reading import Prepared
from catalog.imports.rules import reason
from catalog.imports.statements import REMEMBER_HOLDINGS, REMEMBER_HOLDINGS_AFTER
from catalog.marc.storage import unpack
from catalog.profiles.rules import Embedded
from chassis.database import Connection
from chassis.json import dumped
from contracts.catalog import HoldingsCreated, HoldingsUpdated
from contracts.events import Event

_HERE: Final = """
SELECT id, title_id, record FROM holdings
WHERE title_id = ANY ($1::uuid[]) AND record IS NOT NULL AND merged_into IS NULL ORDER BY id FOR UPDATE
"""
_KEEP: Final = """
INSERT INTO holdings_version (holdings_id, version, record, replaced_at, replaced_by)
SELECT id, version, record, $2, $3 FROM holdings WHERE id = ANY ($1::uuid[]) AND record IS NOT NULL
"""
_WRITE: Final = """
UPDATE holdings h SET version = h.version + {0}, record = n.record, policies = n.policies::jsonb,
    updated_at = $5, call_number_scheme = coalesce(h.call_number_scheme, n.scheme),
    shelving_key = CASE WHEN h.call_number_scheme IS NULL AND n.shelving_key IS NOT NULL THEN n.shelving_key
        ELSE h.shelving_key END
FROM unnest($1::uuid[], $2::bytea[], $3::text[], $4::text[], $6::text[])
    AS n (id, record, policies, scheme, shelving_key)
WHERE h.id = n.id
"""
_BEGIN: Final = _WRITE.format(0)
"""Of holdings that this slice has made."""
_CHANGE: Final = keeping("holdings", _WRITE.format(1), now="$5", by="$7")


class Holding:
    """One slice's holdings."""

    def __init__(self, plan: Embedded, now: datetime, *, import_id: UUID) -> None:
        self._plan, self._now, self._import_id = plan, now, import_id
        self._kept: dict[UUID, bytes] = {}
        self._numbered: dict[tuple[UUID, str], UUID] = {}
        self._told: dict[UUID, Held] = {}
        self._made: set[UUID] = set()
        self._bare: set[UUID] = set()

    @property
    def makes(self) -> bool:
        """Whether a title may have holdings where it has none yet."""
        return self._plan.new_holdings

    async def look(self, connection: Connection, titles: Sequence[UUID]) -> None:
        """What records holdings of these titles have; they are locked."""
        for row in await connection.fetch(_HERE, titles):
            self._kept[row["id"]] = row["record"]
            number = (unpack(row["record"]).control("001") or "").strip()
            if number:
                self._numbered.setdefault((row["title_id"], number), row["id"])

    def elsewhere(self, title_id: UUID, held: Held, found: UUID | None) -> UUID | None:
        """Other holdings of the title that are known by the record's own number."""
        if held.number is None:
            return None
        other = self._numbered.get((title_id, held.number))
        return other if other != found else None

    def hold(self, each: Prepared, held: Held, holdings_id: UUID, *, made: bool) -> bool:
        """Decide about holdings that are found or made; whether anything becomes of them."""
        if made:
            self._made.add(holdings_id)
        if held.record is None:
            self._bare |= {holdings_id} if made else set()
            return made
        kept = self._kept.get(holdings_id)
        if holdings_id in self._told:
            self._tell(each, "holdings-twice", "These holdings were told of by a record before it.")
            return made
        if kept == held.record:
            self._tell(each, "holdings-unchanged", "Its holdings are here as they are.")
            return made
        if kept is not None and not self._plan.update:
            self._tell(each, "holdings-kept", "Its holdings have a record already, which stays.")
            return made
        if kept is not None and each.lossy:
            self._tell(each, "damaged", "The record lost content, and must not overwrite a whole one.")
            return made
        self._told[holdings_id] = held
        self._tell(each, "holdings-created" if made else "holdings-updated", f"Holdings {holdings_id}.")
        return True

    @staticmethod
    def _tell(each: Prepared, code: str, words: str) -> None:
        """Of a holdings record it is all that its outcome can tell; of a title's record only what went wrong is."""
        if each.belongs_to or code in ("holdings-twice", "damaged"):
            each.reasons.append(reason(code, words))

    async def write(self, connection: Connection, *, by: str) -> None:
        """Give them their records; those before are kept, and what an undoing puts back."""
        made = sorted(self._made & self._told.keys())
        here = sorted(self._told.keys() - self._made)
        if made:
            await connection.execute(_BEGIN, *self._columns(made))
        if here:
            await connection.execute(_KEEP, here, self._now, by)
            await connection.execute(REMEMBER_HOLDINGS, self._import_id, here)
            await connection.execute(_CHANGE, *self._columns(here), by)
            await connection.execute(REMEMBER_HOLDINGS_AFTER, self._import_id, here)

    def _columns(self, ids: Sequence[UUID]) -> tuple[Any, ...]:
        """The parameters that tell of these."""
        held = [self._told[id_] for id_ in ids]
        records = [each.record for each in held if each.record is not None]
        places = [
            shelving_key(each.call_number, Scheme(each.scheme)) if each.call_number and each.scheme else None
            for each in held
        ]
        told = [dumped(policies(unpack(record))).decode() for record in records]
        return ids, records, told, [each.scheme for each in held], self._now, places

    async def events(self, connection: Connection) -> list[Event]:
        """What other services hear of them."""
        changed = [*self._told, *self._bare.difference(self._told)]
        told: list[Event] = []
        for state in await holdings_states_on(connection, changed):
            kind = HoldingsCreated if state.holdings_id in self._made else HoldingsUpdated
            told.append(
                kind(
                    version=state.version,
                    occurred_at=self._now,
                    holdings_id=state.holdings_id,
                    holdings=state,
                )
            )
        return told
