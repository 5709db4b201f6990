"""Add holdings and items, and change what is known of an item."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.callnumbers.rules import Scheme, shelving_key
from catalog.custom import queries as custom
from catalog.history.statements import keeping, whoever
from catalog.holdings.policy_rules import policies
from catalog.holdings.telling import holdings_states
from catalog.items.announcing import states
from catalog.items.rules import (
    ENDING,
    FACTS,
    LISTS,
    Contradiction,
    contradictions,
    dated,
    ended,
    endless,
    gone,
    over,
    state_refusal,
)
from catalog.items.standing import effective, permanent, standing
from catalog.marc.storage import unpack
from catalog.titles.queries import mark_changed
from chassis import etags, outbox
from chassis.ids import uuid7
from chassis.json import dumped
from chassis.problems import Invalid, NotFound, Reason, Refused
from contracts.catalog import HoldingsCreated, HoldingsUpdated, ItemCreated, ItemState, ItemUpdated


class BarcodeTaken(Refused):
    """Another item carries this barcode."""

    code, title = "barcode-taken", "Another item has this barcode."


class HoldingsTaken(Refused):
    """The title has holdings at this location under this call number already."""

    code, title = "holdings-taken", "These holdings are here already."


class StateRefused(Refused):
    """The base state cannot be set so."""

    code, title = "base-state-refused", "The item's state cannot be changed so."


class ItemUnknown(NotFound):
    """There is no such item, or it is not shown to you."""

    code, title = "item-unknown", "There is no such item."


class HoldingsUnknown(NotFound):
    """There are no such holdings."""

    code, title = "holdings-unknown", "There are no such holdings."


_KNOWN = text("""
SELECT
    EXISTS (SELECT FROM location WHERE id = CAST(:location_id AS uuid) FOR SHARE) AS location_id,
    EXISTS (SELECT FROM location WHERE id = CAST(:temporary_location_id AS uuid) FOR SHARE) AS temporary_location_id,
    EXISTS (SELECT FROM material_type WHERE code = CAST(:material_type AS text)) AS material_type,
    EXISTS (SELECT FROM loan_type WHERE code = CAST(:loan_type AS text)) AS loan_type,
    EXISTS (SELECT FROM loan_type WHERE code = CAST(:temporary_loan_type AS text)) AS temporary_loan_type,
    EXISTS (SELECT FROM damaged_status WHERE code = CAST(:damaged_status AS text) FOR SHARE) AS damaged_status,
    EXISTS (SELECT FROM digitisation_policy WHERE code = CAST(:digitisation_policy AS text)
        FOR SHARE) AS digitisation_policy,
    ARRAY(SELECT code FROM statistical_code WHERE code = ANY (CAST(:statistical_codes AS text[])) ORDER BY code
        FOR SHARE) AS statistical_codes,
    (SELECT count(*) FROM (SELECT FROM title WHERE id = ANY (CAST(:title_ids AS uuid[])) AND deleted_at IS NULL
        ORDER BY id FOR SHARE) t) AS titles
""")


_CODES: Final = {
    "location_id": "location",
    "temporary_location_id": "location",
    "material_type": "material-type",
    "loan_type": "loan-type",
    "temporary_loan_type": "loan-type",
    "damaged_status": "damaged-status",
    "digitisation_policy": "digitisation-policy",
}
"""What an item refers to by id or code, and what each is called where it is unknown."""


async def check_known(
    session: AsyncSession, told: Mapping[str, Any], *, pointer: str = "/bound_with"
) -> None:
    """Whatever an item refers to must be here: everything that is not is told at once."""
    title_ids = list(told.get("title_ids") or ())
    codes = list(told.get("statistical_codes") or ())
    row = (
        await session.execute(
            _KNOWN,
            {
                **{name: told.get(name) for name in _CODES},
                "statistical_codes": codes,
                "title_ids": title_ids,
            },
        )
    ).one()
    reasons = [
        Reason(f"{code}-unknown", f"There is no {told[name]}.", f"/{name}")
        for name, code in _CODES.items()
        if told.get(name) is not None and not getattr(row, name)
    ]
    reasons += [
        Reason("statistical-code-unknown", f"There is no {code}.", f"/statistical_codes/{place}")
        for place, code in enumerate(codes)
        if code not in row.statistical_codes
    ]
    if row.titles != len(set(title_ids)):
        reasons.append(
            Reason(
                "title-unknown",
                "Not all of these titles are here: one is unknown, deleted, or was merged.",
                pointer,
            )
        )
    if reasons:
        raise Invalid(reasons=reasons)


def placed(call_number: str | None, scheme: str | None) -> dict[str, str | None]:
    """The parameters that say where a call number stands."""
    chosen = Scheme(scheme) if scheme is not None else None
    return {"scheme": scheme, "shelving_key": shelving_key(call_number or "", chosen)}


_KEEP_DELETED = text("""
INSERT INTO holdings_version (holdings_id, version, record, replaced_at, replaced_by)
SELECT id, version, record, :now, :by FROM holdings
WHERE title_id = :title_id AND location_id = :location_id AND call_number = :call_number AND deleted_at IS NOT NULL
  AND record IS NOT NULL FOR UPDATE
""")


_ADD_HOLDINGS = text(
    keeping(
        "holdings",
        """
INSERT INTO holdings (id, title_id, location_id, call_number, call_number_scheme, shelving_key, temporary_location_id,
    temporary_location_ends_at, other_call_numbers, record, policies, created_at, updated_at)
VALUES (:id, :title_id, :location_id, :call_number, :scheme, :shelving_key, CAST(:temporary_location_id AS uuid),
    CAST(:temporary_location_ends_at AS timestamptz), CAST(:other_call_numbers AS jsonb), :record,
    CAST(:policies AS jsonb), :now, :now)
ON CONFLICT (title_id, location_id, call_number) DO UPDATE SET version = holdings.version + 1,
    temporary_location_id = excluded.temporary_location_id,
    temporary_location_ends_at = excluded.temporary_location_ends_at,
    other_call_numbers = excluded.other_call_numbers,
    record = coalesce(excluded.record, holdings.record), policies = coalesce(excluded.policies, holdings.policies),
    deleted_at = NULL, merged_into = NULL,
    updated_at = excluded.updated_at
WHERE holdings.deleted_at IS NOT NULL
""",
        now=":now",
        by=":by",
    )
)


async def add_holdings(
    session: AsyncSession,
    *,
    title_id: UUID,
    location_id: UUID,
    call_number: str | None,
    call_number_scheme: str | None = None,
    temporary_location_id: UUID | None = None,
    temporary_location_ends_at: datetime | None = None,
    other_call_numbers: Sequence[Mapping[str, Any]] = (),
    record: bytes | None = None,
    by: str = "",
    now: datetime,
) -> UUID:
    """Add a title's holdings at a location; those that were deleted there come back."""
    where = {"location_id": location_id, "temporary_location_id": temporary_location_id}
    until = {"temporary_location_ends_at": temporary_location_ends_at}
    if found := [*endless(where | until), *over(until, now=now)]:
        raise Invalid(reasons=[reason_of(each) for each in found])
    await check_known(session, where | {"title_ids": [title_id]})
    holdings_id = uuid7()
    shelf = {"title_id": title_id, "location_id": location_id, "call_number": call_number or ""}
    if record is not None:
        await session.execute(_KEEP_DELETED, shelf | {"now": now, "by": by})
    added = await session.scalar(
        _ADD_HOLDINGS,
        {
            "id": holdings_id,
            **shelf,
            **placed(call_number, call_number_scheme),
            "temporary_location_id": temporary_location_id,
            **until,
            "other_call_numbers": dumped(list(other_call_numbers)).decode(),
            "record": record,
            "policies": dumped(policies(unpack(record))).decode() if record is not None else None,
            "now": now,
            "by": by or whoever(),
        },
    )
    if added is None:
        raise HoldingsTaken
    await mark_changed(session, [title_id])
    ((state, _),) = await holdings_states(session, [added])
    kind = HoldingsCreated if added == holdings_id else HoldingsUpdated
    await outbox.publish(
        session, kind(version=state.version, occurred_at=now, holdings_id=added, holdings=state)
    )
    return UUID(int=added.int)


_CASTS: Final = {
    "bound_with": "uuid[]",
    "custom": "jsonb",
    "other_call_numbers": "jsonb",
    "location_id": "uuid",
    "temporary_location_id": "uuid",
    **dict.fromkeys(ENDING, "timestamptz"),
    **dict.fromkeys(LISTS, "text[]"),
}
_WRITTEN: Final = ("barcode", "bound_with", "custom", "other_call_numbers", *FACTS)
_AS_TOLD: Final = tuple(name for name in _WRITTEN if name != "location_id")
_NAMED: Final = {"call_number_scheme": "scheme"}


def _parameter(name: str) -> str:
    told = f":{_NAMED.get(name, name)}"
    return f"CAST({told} AS {_CASTS[name]})" if name in _CASTS else told


_STANDS: Final = effective(_parameter("location_id"), _parameter("temporary_location_id"))
_INSERT = text(
    f"INSERT INTO item (id, holdings_id, title_id, created_at, updated_at, location_id, permanent_location_id, "  # noqa: S608 - our own text
    f"{', '.join(_AS_TOLD)}) "
    f"SELECT :id, h.id, :title_id, CAST(:now AS timestamptz), CAST(:now AS timestamptz), {_STANDS}, "
    f"nullif({_parameter('location_id')}, {_STANDS}), {', '.join(map(_parameter, _AS_TOLD))} "
    f"FROM holdings h WHERE h.id = :holdings_id"
)


_FIND_HOLDINGS = text(
    keeping(
        "holdings",
        """
INSERT INTO holdings (id, title_id, location_id, call_number, call_number_scheme, shelving_key, created_at, updated_at)
VALUES (:id, :title_id, :location_id, :call_number, :scheme, :shelving_key, :now, :now)
ON CONFLICT (title_id, location_id, call_number) DO UPDATE SET deleted_at = NULL, merged_into = NULL,
    version = holdings.version + (holdings.deleted_at IS NOT NULL)::int
""",
        now=":now",
        by=":by",
    )
)


async def holdings_for(
    session: AsyncSession, told: dict[str, Any], *, now: datetime
) -> tuple[UUID, UUID, UUID]:
    """The holdings an item goes to (found, or made from title and location): its id, title and location."""
    if (holdings_id := told["holdings_id"]) is not None:
        found = (
            await session.execute(
                text(
                    "SELECT title_id, location_id FROM holdings WHERE id = :id AND deleted_at IS NULL FOR SHARE"
                ),
                {"id": holdings_id},
            )
        ).first()
        if found is None:
            raise Invalid(reasons=[Reason("holdings-unknown", "There are no such holdings.", "/holdings_id")])
        return holdings_id, found.title_id, told["location_id"] or found.location_id
    await check_known(session, {"location_id": told["location_id"], "title_ids": [told["title_id"]]})
    row = (
        await session.execute(
            _FIND_HOLDINGS,
            {
                "id": uuid7(),
                "title_id": told["title_id"],
                "location_id": told["location_id"],
                "call_number": told["call_number"] or "",
                **placed(told["call_number"], told["call_number_scheme"]),
                "now": now,
                "by": whoever(),
            },
        )
    ).one()
    told["call_number"] = told["call_number_scheme"] = None
    return row.id, told["title_id"], told["location_id"]


async def add(session: AsyncSession, told: dict[str, Any], *, now: datetime) -> UUID:
    """Add an item to holdings, or to a title at a location (its holdings are found or made)."""
    if (refusal := state_refusal(before="active", after=told["base_state"])) is not None:
        raise StateRefused(reasons=[_state_reason(refusal)])
    told |= dated(
        dict.fromkeys(told), {name: told[name] for name in told if told[name] is not None}, on=now.date()
    )
    hold_together(told, told, now)
    own = await custom.changed(session, "items", {}, told.get("custom") or {})
    holdings_id, title_id, location_id = await holdings_for(session, told, now=now)
    await check_known(session, told | {"location_id": location_id, "title_ids": told["bound_with"]})
    item_id = uuid7()
    row = told | {
        "id": item_id,
        "holdings_id": holdings_id,
        "title_id": title_id,
        "location_id": location_id,
        "bound_with": [other for other in dict.fromkeys(told["bound_with"]) if other != title_id],
        "custom": dumped(own).decode(),
        "other_call_numbers": dumped(told["other_call_numbers"]).decode(),
        **placed(told["call_number"], told["call_number_scheme"]),
        "now": now,
    }
    await _write(session, _INSERT, row)
    await mark_changed(session, [title_id, *row["bound_with"]])
    state = await _state(session, item_id)
    await outbox.publish(session, ItemCreated(version=1, occurred_at=now, item_id=item_id, item=state))
    return item_id


def hold_together(facts: Mapping[str, Any], changed: Mapping[str, Any], now: datetime) -> None:
    """Raise when some facts cannot be true together, or what is changed cannot be from now on."""
    if found := [*contradictions(facts, on=now.date()), *over(changed, now=now)]:
        raise Invalid(reasons=[reason_of(each) for each in found])


def reason_of(found: Contradiction) -> Reason:
    """As problems tell it."""
    return Reason(found.code, found.text, found.pointer, found.mend)


async def _write(session: AsyncSession, statement: Any, row: dict[str, Any]) -> None:
    """Run it; a barcode that somebody else has is told as such."""
    barcode = row.get("barcode")
    if barcode is not None:
        holder = await session.scalar(
            text("SELECT id FROM item WHERE barcode = :barcode AND id <> :id"),
            {"barcode": barcode, "id": row["id"]},
        )
        if holder is not None:
            raise _taken(barcode, holder)
    try:
        await session.execute(statement, row)
    except IntegrityError as error:
        if "item_barcode" in str(error.orig):
            raise _taken(barcode, None) from error
        raise


def _taken(barcode: Any, holder: Any) -> BarcodeTaken:
    reason = Reason(
        "barcode-taken", f"Another item has the barcode {barcode}.", "/barcode", "Scan another barcode."
    )
    return BarcodeTaken(reasons=[reason], item_id=str(holder) if holder else None)


def _state_reason(code: str) -> Reason:
    texts = {
        "item-withdrawn": "The item has been withdrawn for good.",
        "withdrawal-needed": "An item is withdrawn by a withdrawal, since circulation has a say in it.",
        "base-state-unknown": "There is no such base state.",
    }
    mend = "POST /v1/items/{id}/withdrawals" if code == "withdrawal-needed" else None
    return Reason(code, texts[code], "/base_state", mend)


async def _state(session: AsyncSession, item_id: UUID) -> ItemState:
    (state,) = await states(session, [item_id])
    return state


_UPDATE = text(
    keeping(
        "item",
        f"UPDATE item SET version = item.version + 1, updated_at = CAST(:now AS timestamptz), "  # noqa: S608 - our own text
        f"{standing(_parameter('location_id'), _parameter('temporary_location_id'))}, "
        f"{', '.join(f'{name} = {_parameter(name)}' for name in _AS_TOLD)} "
        f"FROM holdings h WHERE item.id = :id AND h.id = item.holdings_id",
        now=":now",
        by=":by",
    )
)
_LOCK = text(f"SELECT *, {permanent('item')} AS belongs FROM item WHERE id = :id FOR UPDATE")  # noqa: S608 - our own text
CHANGEABLE: Final = tuple(name for name in _WRITTEN if name != "shelving_key")


async def change(
    session: AsyncSession, item_id: UUID, changes: Mapping[str, Any], *, expected: int, now: datetime
) -> None:
    """Change some of an item's facts (RFC 7396: what is not told stays)."""
    found = (await session.execute(_LOCK, {"id": item_id})).first()
    if found is None:
        raise ItemUnknown
    etags.guard(expected=expected, found=found.version)
    before = {name: getattr(found, name) for name in CHANGEABLE} | {"location_id": found.belongs}
    before |= gone(before, now=now)
    after = before | dict(changes)
    after |= dated(before, changes, on=now.date()) | ended(before, changes)
    after["bound_with"] = [other for other in dict.fromkeys(after["bound_with"]) if other != found.title_id]
    if (refusal := state_refusal(before=before["base_state"], after=after["base_state"])) is not None:
        raise StateRefused(reasons=[_state_reason(refusal)])
    if "custom" in changes:
        after["custom"] = await custom.changed(session, "items", before["custom"], changes["custom"])
    changed = {name: value for name, value in after.items() if value != before[name]}
    if not changed:
        return
    hold_together(after, changed, now)
    await check_known(session, changed | {"title_ids": changed.get("bound_with", ())})
    where = placed(after["call_number"], after["call_number_scheme"])
    for name in ("custom", "other_call_numbers"):
        after[name] = dumped(after[name]).decode()
    await _write(session, _UPDATE, after | where | {"id": item_id, "now": now, "by": whoever()})
    touched = [found.title_id, *before["bound_with"], *after["bound_with"]]
    await mark_changed(session, list(dict.fromkeys(touched)))
    state = await _state(session, item_id)
    await outbox.publish(
        session, ItemUpdated(version=state.version, occurred_at=now, item_id=item_id, item=state)
    )
