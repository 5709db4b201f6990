"""Items of issues are taken out with circulation's consent, and one of the volume is made: all of them, or none yet."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from catalog.acquisitions.commands import ask_for_withdrawal
from catalog.history.statements import keeping, whoever
from catalog.items.announcing import states_on
from catalog.items.commands import placed
from catalog.items.rules import DESCRIBED
from catalog.items.standing import NOWHERE, STANDS, effective, permanent
from chassis import outbox
from chassis.database import Connection
from chassis.ids import uuid7
from contracts.catalog import BindingAnswered, BoundPiece, ItemCreated
from contracts.erm import BindingUndone, PiecesToBind

_HEAR: Final = """
INSERT INTO bound_volume (binding_id, order_line_id, told) VALUES ($1, $2, $3)
ON CONFLICT (binding_id) DO UPDATE SET told = excluded.told RETURNING *
"""
_PIECE: Final = """
INSERT INTO bound_piece (binding_id, piece_id, item_id) VALUES ($1, $2, $3)
ON CONFLICT (binding_id, piece_id) DO UPDATE SET reasons = '[]' RETURNING *
"""
_STATE: Final = "SELECT base_state FROM item WHERE id = $1 FOR UPDATE"
_OUT: Final = """
UPDATE bound_piece SET taken_out = true, withdrawal_id = NULL, reasons = '[]' WHERE binding_id = $1 AND piece_id = $2
"""
_ASKED: Final = "UPDATE bound_piece SET withdrawal_id = $3 WHERE binding_id = $1 AND piece_id = $2"
_PIECES: Final = "SELECT * FROM bound_piece WHERE binding_id = $1 ORDER BY piece_id"
_VOLUME: Final = "SELECT * FROM bound_volume WHERE binding_id = $1 FOR UPDATE"
_ANSWERED: Final = """
UPDATE bound_volume SET version = version + 1, item_id = $2, undone = $3, withdrawal_id = NULL WHERE binding_id = $1
RETURNING version
"""
_CHANGED: Final = "INSERT INTO title_change (title_id) VALUES ($1)"
_WAKE: Final = "SELECT pg_notify('title_change', '')"


async def bind(connection: Connection, event: PiecesToBind, now: datetime) -> None:
    """Ask for what is still an item; with the last one gone the volume is made. Heard twice, it is done once."""
    told = event.model_dump(mode="json", exclude={"pieces", "version", "occurred_at"})
    volume = await connection.fetchrow(_HEAR, event.binding_id, event.order_line_id, told)
    assert volume is not None
    if volume["item_id"] is not None or volume["undone"]:
        return
    for piece in sorted(event.pieces, key=lambda each: each.piece_id):
        row = await connection.fetchrow(_PIECE, event.binding_id, piece.piece_id, piece.item_id)
        assert row is not None
        if row["taken_out"] or row["withdrawal_id"] is not None:
            continue
        item_id = row["item_id"]
        state = await connection.fetchval(_STATE, item_id) if item_id is not None else None
        if state is None or state == "withdrawn":
            await connection.execute(_OUT, event.binding_id, piece.piece_id)
            continue
        why = f"bound into {event.volume}"[:500]
        withdrawal_id = await ask_for_withdrawal(connection, item_id, why, now)
        await connection.execute(_ASKED, event.binding_id, piece.piece_id, withdrawal_id)
    await _settle(connection, event.binding_id, now)


async def withdrawal_ended(
    connection: Connection, withdrawal_id: UUID, *, removed: bool, reasons: Sequence[str], now: datetime
) -> None:
    """A withdrawal has ended; if it was of an issue or of a volume, what follows is done."""
    piece = await connection.fetchrow(
        "UPDATE bound_piece SET taken_out = $2, withdrawal_id = NULL, reasons = $3 WHERE withdrawal_id = $1 "
        "RETURNING binding_id",
        withdrawal_id,
        removed,
        [] if removed else list(reasons),
    )
    if piece is not None:
        await _settle(connection, piece["binding_id"], now)
    volume = await connection.fetchrow(
        "SELECT * FROM bound_volume WHERE withdrawal_id = $1 FOR UPDATE", withdrawal_id
    )
    if volume is not None and removed:
        await _make_issues(connection, volume, now)
    elif volume is not None:
        await _answer(connection, volume, "stays", now, item_id=volume["item_id"], reasons=reasons)


async def _settle(connection: Connection, binding_id: UUID, now: datetime) -> None:
    """Once circulation has answered for all issues: make the volume, or tell which of them stay."""
    volume = await connection.fetchrow(_VOLUME, binding_id)
    pieces = await connection.fetch(_PIECES, binding_id)
    assert volume is not None
    if any(each["withdrawal_id"] is not None for each in pieces):
        return
    if volume["undone"]:
        await _make_issues(connection, volume, now)
    elif all(each["taken_out"] for each in pieces):
        item_id, reasons = await _make_volume(connection, volume["told"], len(pieces), now)
        await _answer(
            connection, volume, "made" if item_id else "refused", now, item_id=item_id, reasons=reasons
        )
    else:
        stay = [
            BoundPiece(piece_id=each["piece_id"], item_id=each["item_id"], reasons=tuple(each["reasons"]))
            for each in pieces
            if not each["taken_out"]
        ]
        await _answer(connection, volume, "refused", now, pieces=stay)


async def _answer(
    connection: Connection,
    volume: Any,
    what: str,
    now: datetime,
    *,
    item_id: UUID | None = None,
    reasons: Sequence[str] = (),
    pieces: Sequence[BoundPiece] = (),
) -> None:
    version = await connection.fetchval(_ANSWERED, volume["binding_id"], item_id, what == "undone")
    told = BindingAnswered(
        version=version,
        occurred_at=now,
        binding_id=volume["binding_id"],
        order_line_id=volume["order_line_id"],
        what=what,
        volume_item_id=item_id,
        reasons=tuple(reasons),
        pieces=tuple(pieces),
    )
    await outbox.record(connection, [told])


_KNOWN: Final = """
SELECT NOT EXISTS (SELECT FROM location WHERE id = $1 FOR SHARE) AS "location-unknown",
    NOT EXISTS (SELECT FROM material_type WHERE code = $2) AS "material-type-unknown",
    NOT EXISTS (SELECT FROM loan_type WHERE code = $3) AS "loan-type-unknown",
    NOT EXISTS (SELECT FROM title WHERE id = $4 AND deleted_at IS NULL FOR SHARE) AS "title-unknown",
    EXISTS (SELECT FROM item WHERE barcode = $5) AS taken
"""
_HOLDINGS: Final = keeping(
    "holdings",
    """
INSERT INTO holdings (id, title_id, location_id, call_number, shelving_key, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $6)
ON CONFLICT (title_id, location_id, call_number) DO UPDATE SET deleted_at = NULL, merged_into = NULL,
    version = holdings.version + (holdings.deleted_at IS NOT NULL)::int
""",
    now="$6",
    by="$7",
)
_ITEM: Final = f"""
INSERT INTO item (id, barcode, holdings_id, title_id, location_id, permanent_location_id, material_type, loan_type,
    base_state, volume, pieces, created_at, updated_at)
SELECT $1, $2, h.id, $4, {STANDS}, nullif($5, {STANDS}), $6, $7, 'in-process', $8, 1, $9, $9
FROM holdings h WHERE h.id = $3
"""  # noqa: S608 - our own text


async def _make_volume(
    connection: Connection, told: Any, issues: int, now: datetime
) -> tuple[UUID | None, tuple[str, ...]]:
    """The volume's item, in process; or why there can be none."""
    title_id, location_id = UUID(told["title_id"]), UUID(told["location_id"])
    known = await connection.fetchrow(
        _KNOWN, location_id, told["material_type"], told["loan_type"], title_id, told["barcode"]
    )
    assert known is not None
    flaws = dict(known)
    taken = flaws.pop("taken")
    if missing := tuple(name for name, lacks in flaws.items() if lacks):
        return None, missing
    place = placed(told["call_number"], None)
    holdings_id = await connection.fetchval(
        _HOLDINGS,
        uuid7(),
        title_id,
        location_id,
        told["call_number"] or "",
        place["shelving_key"],
        now,
        whoever(),
    )
    item_id = uuid7()
    await connection.execute(
        _ITEM,
        item_id,
        None if taken else told["barcode"],
        holdings_id,
        title_id,
        location_id,
        told["material_type"],
        told["loan_type"],
        told["volume"],
        now,
    )
    await _tell_item(connection, item_id, title_id, now)
    return item_id, ("barcode-taken",) if taken else ()


async def _tell_item(connection: Connection, item_id: UUID, title_id: UUID, now: datetime) -> None:
    await connection.execute(_CHANGED, title_id)
    await connection.execute(_WAKE)
    (state,) = await states_on(connection, [item_id])
    await outbox.record(connection, [ItemCreated(version=1, occurred_at=now, item_id=item_id, item=state)])


async def unbind(connection: Connection, event: BindingUndone, now: datetime) -> None:
    """The volume's item goes, with circulation's consent; then the issues are items again, in process."""
    volume = await connection.fetchrow(_VOLUME, event.binding_id)
    if volume is None or volume["undone"] or volume["withdrawal_id"] is not None:
        return
    item_id = volume["item_id"]
    state = await connection.fetchval(_STATE, item_id) if item_id is not None else None
    if state is not None and state != "withdrawn":
        withdrawal_id = await ask_for_withdrawal(connection, item_id, "unbound", now)
        await connection.execute(
            "UPDATE bound_volume SET withdrawal_id = $2 WHERE binding_id = $1",
            event.binding_id,
            withdrawal_id,
        )
        return
    await connection.execute("UPDATE bound_volume SET undone = true WHERE binding_id = $1", event.binding_id)
    await _settle(connection, event.binding_id, now)


_AS_IT_WAS: Final = (
    "title_id, bound_with, material_type, loan_type, call_number, call_number_scheme, shelving_key, "
    "other_call_numbers, volume, copy_number, note, suppressed, pieces, pieces_text, intellectual, purchase_minor, "
    "purchase_currency, replacement_minor, replacement_currency, " + ", ".join(DESCRIBED)
)
_BELONGS: Final = permanent("i")
_AGAIN: Final = f"""
INSERT INTO item (id, holdings_id, location_id, permanent_location_id, base_state, {_AS_IT_WAS}, created_at, updated_at)
SELECT $2, h.id, {effective(_BELONGS, NOWHERE)}, nullif({_BELONGS}, {effective(_BELONGS, NOWHERE)}), 'in-process',
    {", ".join(f"i.{name}" for name in _AS_IT_WAS.split(", "))}, $3, $3
FROM item i JOIN holdings h ON h.id = i.holdings_id
WHERE i.id = $1 AND i.base_state = 'withdrawn' RETURNING title_id, holdings_id
"""  # noqa: S608 - our own text
"""Where it belongs and goes with its holdings; what it was told for a time is over."""
_REVIVE: Final = keeping(
    "holdings",
    """
UPDATE holdings SET deleted_at = NULL, merged_into = NULL, version = version + 1
WHERE id = $1 AND deleted_at IS NOT NULL
""",
    now="$2",
    by="$3",
)


async def _make_issues(connection: Connection, volume: Any, now: datetime) -> None:
    """What was taken out comes back as items of their own: new ones, since what is withdrawn is so for good.

    They have no barcodes: those of the withdrawn items still say what became of them.
    """
    made = []
    for piece in await connection.fetch(_PIECES, volume["binding_id"]):
        item_id: UUID | None = piece["item_id"]
        reasons: tuple[str, ...] = ()
        if piece["taken_out"] and item_id is not None:
            fresh = uuid7()
            again = await connection.fetchrow(_AGAIN, item_id, fresh, now)
            if again is not None:
                await connection.execute(_REVIVE, again["holdings_id"], now, whoever())
                await connection.execute(
                    "UPDATE received_piece SET item_id = $2 WHERE piece_id = $1", piece["piece_id"], fresh
                )
                await _tell_item(connection, fresh, again["title_id"], now)
                item_id, reasons = fresh, ("barcode-needed",)
        made.append(BoundPiece(piece_id=piece["piece_id"], item_id=item_id, reasons=reasons))
    await connection.execute("DELETE FROM bound_piece WHERE binding_id = $1", volume["binding_id"])
    await _answer(connection, volume, "undone", now, pieces=made)
