"""A vendor's order is read, mapped, and entered; the same key again is the same order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from chassis.database import Connection
from chassis.ids import uuid7
from chassis.principal import Principal
from chassis.problems import Forbidden, Invalid, Reason, Refused
from erm.edifact.rules import line_reference
from erm.finance.commands import Books
from erm.identifiers.rules import read_isbn
from erm.orders import commands as orders
from erm.orders.entering import LineIn
from erm.orders.queries import Order
from erm.units.rules import Act, Standing
from erm.units.standing import of_members
from erm.vendororders.documents import MappingIn
from erm.vendororders.reading import Posted, digest_of
from erm.vendororders.rules import Step, mapped
from erm.wire import Currency, Rate, Word


class NoAccount(Forbidden):
    """The program posts orders for no vendor here."""

    code, title = "vendor-order-account-missing", "This program posts orders for no vendor here."


class KeyUsed(Refused):
    """The vendor's key is another order's."""

    code, title = "order-key-used", "This order key was used for another order."


class VendorOrderRefused(Refused):
    """The library's rules or budgets stand against it."""

    code, title = "vendor-order-refused", "The library does not take this order."


@dataclass(frozen=True, slots=True)
class Reading:
    """What a vendor's order comes to: each step, the order's head and line, and everything against it."""

    steps: Sequence[Step]
    reasons: Sequence[Reason]
    head: Mapping[str, Any] = field(default_factory=dict)
    line: LineIn | None = None
    order_key: str | None = None


_HEAD: Final = ("order_type", "account_number", "currency", "exchange_rate")
_SHAPES: Final[Mapping[str, TypeAdapter[Any]]] = {
    "order_type": TypeAdapter(str),
    "account_number": TypeAdapter(Word | None),
    "currency": TypeAdapter(Currency),
    "exchange_rate": TypeAdapter(Rate | None),
}
_ORDER_TYPES: Final = frozenset({"one-time", "ongoing", "subscription"})
_OWN: Final = frozenset({"order_key", "order_note", "location", "fund", "expense_class", "isbn", *_HEAD})
"""Fields that are not a line's under their own names."""
_FLAWS: Final = {
    "value-missing": "It says nothing of {field}.",
    "value-not-in-table": "{posted} is not known here as {field}.",
}


def _flaw(step: Step) -> Reason:
    assert step.flaw is not None
    text = _FLAWS[step.flaw].format(field=step.field.replace("_", " "), posted=(step.posted or "")[:100])
    return Reason(step.flaw, text, f"/{step.field}", "Choose another, or ask the library to add it.")


async def read_order(
    connection: Connection, account: Mapping[str, Any], posted: Posted, *standings: Standing
) -> Reading:
    """Map what was posted; nothing is written. A fund that one of `standings` may not see is unknown."""
    mapping = MappingIn.model_validate(account["mapping"])
    steps = mapped(mapping.rules, posted, mapping.tables)
    told = {step.field: step.value for step in steps if step.value is not None}
    reasons = [_flaw(step) for step in steps if step.flaw]
    flawed = {step.field for step in steps if step.flaw}
    head: dict[str, Any] = {
        "vendor_id": account["organisation_id"],
        "order_type": "one-time",
        "account_number": None,
        "exchange_rate": None,
        "note": told.get("order_note", f"{account['name']} {told.get('order_key', '')}".strip()),
    }
    for name in _HEAD:
        if name in told:
            head[name] = _shaped(name, told[name], reasons)
    if head["order_type"] not in _ORDER_TYPES:
        reasons.append(_wrong("order_type", "one-time, ongoing or subscription"))
    if len(head["note"]) > 2000:
        reasons.append(_wrong("order_note", "at most 2000 characters"))
    shares = await _shares(connection, told, standings, reasons)
    line = _line(told, shares, reasons, flawed)
    key = told.get("order_key")
    if key is not None and len(key) > 100:
        reasons.append(_wrong("order_key", "at most 100 characters"))
    if reasons:
        return Reading(steps, reasons, order_key=key)
    return Reading(steps, [], head, line, key)


def _wrong(name: str, wanted: str) -> Reason:
    return Reason("value-not-taken", f"{name} is to be {wanted}.", f"/{name}")


def _shaped(name: str, told: str, reasons: list[Reason]) -> Any:
    try:
        return _SHAPES[name].validate_python(told)
    except ValidationError as error:
        text = error.errors(include_url=False, include_context=False, include_input=False)[0]["msg"]
        reasons.append(Reason("value-not-taken", f"{name}: {text}.", f"/{name}"))
        return None


_FUND = "SELECT id, acquisition_unit_ids FROM fund WHERE code = $1"
_CLASS = "SELECT id FROM expense_class WHERE code = $1"


async def _shares(
    connection: Connection, told: Mapping[str, str], standings: Sequence[Standing], reasons: list[Reason]
) -> list[dict[str, Any]]:
    if "fund" not in told:
        return []
    row = await connection.fetchrow(_FUND, told["fund"])
    if row is None or not all(each.lets(Act.READ, row["acquisition_unit_ids"]) for each in standings):
        text = f"There is no fund {told['fund'][:40]}."
        reasons.append(Reason("fund-unknown", text, "/fund", "Choose another, or ask the library."))
        return []
    share = {"fund_id": row["id"], "percent": "100"}
    if "expense_class" in told:
        share["expense_class_id"] = await connection.fetchval(_CLASS, told["expense_class"])
        if share["expense_class_id"] is None:
            text = f"There is no expense class {told['expense_class'][:40]}."
            reasons.append(Reason("expense-class-unknown", text, "/expense_class"))
    return [share]


def _isbn(told: str) -> str | None:
    """Without what catalogues put behind it; none where it is none: the order does without."""
    return read_isbn(told.partition("(")[0].strip()).value


def _line(
    told: Mapping[str, str], shares: list[dict[str, Any]], reasons: list[Reason], flawed: set[str]
) -> LineIn | None:
    body: dict[str, Any] = {name: value for name, value in told.items() if name not in _OWN}
    body["shares"] = shares or [{"fund_id": UUID(int=0), "percent": "100"}]
    if "location" in told:
        body["location_id"] = told["location"]
    if "isbn" in told and (isbn := _isbn(told["isbn"])) is not None:
        body["isbn"] = isbn
    try:
        return LineIn.model_validate(body)
    except ValidationError as error:
        for each in error.errors(include_url=False, include_context=False, include_input=False):
            name = "location" if each["loc"][:1] == ("location_id",) else str((each["loc"] or ("",))[0])
            if name not in flawed:
                text = f"{name}: {each['msg']}." if name else f"{each['msg']}."
                reasons.append(Reason("value-not-taken", text, f"/{name}" if name else None))
        return None


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of what was posted."""

    order_key: str
    order_id: UUID
    order_number: str
    order_line_id: UUID
    order_line_number: str
    state: str
    repeated: bool


_ACCOUNT: Final = """
SELECT a.* FROM vendor_order_account a JOIN organisation o ON o.id = a.organisation_id
WHERE a.client = $1 AND a.active FOR SHARE OF a
"""
_CLAIM: Final = """
INSERT INTO vendor_order (id, account_id, order_key, digest, created_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (account_id, order_key) DO NOTHING RETURNING id
"""
_BEFORE: Final = """
SELECT v.digest, o.id, o.number, o.state, l.id AS line_id, l.position FROM vendor_order v
JOIN purchase_order o ON o.id = v.order_id
LEFT JOIN LATERAL (SELECT id, position FROM order_line WHERE order_id = o.id ORDER BY position LIMIT 1) l ON true
WHERE v.account_id = $1 AND v.order_key = $2
"""


async def account_of(connection: Connection, by: Principal) -> Any:
    """For which vendor a program acts, and how; `NoAccount`."""
    row = await connection.fetchrow(_ACCOUNT, str(by.actor))
    if row is None:
        raise NoAccount(
            reasons=[
                Reason(
                    "vendor-order-account-missing",
                    f"There is no active account of {by.actor}.",
                    mend="Ask the library to enter one (POST /v1/vendor-order-accounts).",
                )
            ]
        )
    return row


async def place(
    connection: Connection, account: Any, posted: Posted, *, by: Principal, now: datetime
) -> Placed:
    """Enter what was posted, once; `Invalid` or `VendorOrderRefused` with everything against it, `KeyUsed`.

    Whoever posts the same at once waits for the first, and is told of its order. It acts as a member of the units that
    its orders belong to.
    """
    digest = digest_of(posted)
    standing = await of_members(connection, account["acquisition_unit_ids"])
    reading = await read_order(connection, account, posted, standing)
    known = None if reading.order_key is None else await _before(connection, account["id"], reading.order_key)
    if known is None and (reading.reasons or reading.line is None or reading.order_key is None):
        raise Invalid(reasons=list(reading.reasons))
    assert reading.order_key is not None
    if known is None:
        row_id = uuid7()
        claim = (row_id, account["id"], reading.order_key[:100], digest, now)
        if await connection.fetchval(_CLAIM, *claim) is not None:
            assert reading.line is not None
            order = await _entered(connection, account, reading, reading.line, standing, by=by, now=now)
            await connection.execute("UPDATE vendor_order SET order_id = $2 WHERE id = $1", row_id, order.id)
            return _placed(reading.order_key, order)
        known = await _before(connection, account["id"], reading.order_key)
    assert known is not None
    if known["digest"] != digest:
        text = f"{reading.order_key} is {known['number']}, with other words."
        reason = Reason("order-key-used", text, "/order_key", "Use a key of its own for each order.")
        raise KeyUsed(reasons=[reason])
    return Placed(
        reading.order_key,
        known["id"],
        known["number"],
        known["line_id"],
        line_reference(known["number"], known["position"] or 0),
        known["state"],
        repeated=True,
    )


async def _before(connection: Connection, account_id: UUID, order_key: str) -> Any:
    return await connection.fetchrow(_BEFORE, account_id, order_key)


def _placed(order_key: str, order: Order) -> Placed:
    number, line = order.row["number"], order.lines[0]
    reference = line_reference(number, line.row["position"])
    return Placed(order_key, order.id, number, line.id, reference, order.row["state"], repeated=False)


async def _entered(
    connection: Connection,
    account: Any,
    reading: Reading,
    line: LineIn,
    standing: Standing,
    *,
    by: Principal,
    now: datetime,
) -> Order:
    """The order, pending or opened as the account has it. What the library's books say against it is not told to a
    vendor in figures."""
    try:
        order = await orders.enter(
            connection,
            dict(reading.head),
            [line],
            actor=str(by.actor),
            now=now,
            standing=standing,
            units=account["acquisition_unit_ids"],
        )
        if account["approve"]:
            note = f"posted by {account['name']}"
            books = Books(connection, str(by.actor), now, note, standing=standing)
            order = await orders.approve(connection, order, books, by, fiscal_year_id=None)
    except Refused as refused:
        raise VendorOrderRefused(reasons=[_outward(reason) for reason in refused.reasons]) from refused
    return order


_OUTWARD: Final = {
    "encumbrance-limit": "The fund has not enough left for it.",
    "above-approval-limit": "It costs more than may be ordered without asking.",
    "vendor-inactive": "The library does not order from this vendor any more.",
}


def _outward(reason: Reason) -> Reason:
    """A reason as strangers are told of it: its code, and no names or figures of the library's books."""
    text = _OUTWARD.get(reason.code, "The library cannot order it so.")
    return Reason(reason.code, text, None, "Ask the library.")
