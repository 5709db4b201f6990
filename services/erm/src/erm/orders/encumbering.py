"""Money set aside for the lines of an order: planned from their shares, changed, released, set aside again."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from chassis.ids import uuid7
from chassis.problems import Reason
from erm.finance.commands import Books, Entry
from erm.finance.queries import Bearer, Held, Locked
from erm.finance.rules import Act, Encumbered, Totals
from erm.money.rules import apportion, converted
from erm.orders.queries import Line
from erm.rows import insert_many

Place = tuple[UUID, UUID, UUID | None]
"""Order line, budget, expense class: what there is one active encumbrance of."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What is to be set aside."""

    place: Place
    amount: int
    pointer: str


def in_ledger(amount: int, order: Mapping[str, Any], ledger_currency: str) -> int:
    """An amount of the order in the ledger's currency, by the order's own rate."""
    if order["currency"] == ledger_currency:
        return amount
    rate = Fraction(order["exchange_rate"])
    return converted([amount], rate, source=order["currency"], target=ledger_currency)[0]


def rate_reasons(
    currency: str, ledger_currency: str | None, rate: object, pointer: str = "/exchange_rate"
) -> list[Reason]:
    """Whether a rate is wanted and not given."""
    if ledger_currency is None or currency == ledger_currency or rate is not None:
        return []
    text = f"The funds are kept in {ledger_currency}, this is in {currency}."
    mend = f"Say how many {ledger_currency} one {currency} is."
    return [Reason("exchange-rate-missing", text, pointer, mend)]


def bearer(share: Mapping[str, Any]) -> Bearer:
    """Which fund's money a share is, and of which year."""
    return share["fund_id"], share["fiscal_year_id"]


def plan(
    order: Mapping[str, Any],
    line: Line,
    budgets: Mapping[Bearer, UUID],
    ledger_currency: str,
    pointer: str,
) -> list[Planned]:
    """What each budget sets aside for a line; together the line's total in the ledger's currency, exactly."""
    total = in_ledger(line.row["total"], order, ledger_currency)
    parts = apportion(total, [share["bears"] for share in line.shares])
    amounts: defaultdict[Place, int] = defaultdict(int)
    where: dict[Place, str] = {}
    for at, (share, part) in enumerate(zip(line.shares, parts, strict=True)):
        place = (line.id, budgets[bearer(share)], share["expense_class_id"])
        amounts[place] += part
        where.setdefault(place, f"{pointer}/shares/{at}")
    return [Planned(place, amount, where[place]) for place, amount in amounts.items()]


def begun(planned: Sequence[Planned]) -> tuple[list[dict[str, Any]], list[Entry]]:
    """New encumbrances, and the transactions that begin them."""
    rows, entries = [], []
    for each in planned:
        line_id, budget_id, class_id = each.place
        encumbrance_id = uuid7()
        rows.append(
            {
                "id": encumbrance_id,
                "order_line_id": line_id,
                "budget_id": budget_id,
                "expense_class_id": class_id,
                "state": "active",
                "initial": each.amount,
                "amount": each.amount,
            }
        )
        entries.append(
            Entry(
                Act.ENCUMBER,
                budget_id,
                Totals(encumbered=each.amount),
                encumbrance_id=encumbrance_id,
                order_line_id=line_id,
                expense_class_id=class_id,
                pointer=each.pointer,
            )
        )
    return rows, entries


async def write_begun(books: Books, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """The rows of new encumbrances, before the transactions that name them."""
    await insert_many(books.connection, "encumbrance", [{**row, "created_at": now} for row in rows])


Kept = tuple[Held, Encumbered, UUID | None]


def moved(held: Held, after: Encumbered, act: Act, pointer: str | None = None) -> Entry:
    """The transaction that brings an encumbrance to another amount."""
    return Entry(
        act,
        held.budget_id,
        Totals(encumbered=after.amount - held.sums.amount),
        encumbrance_id=held.id,
        order_line_id=held.order_line_id,
        expense_class_id=held.expense_class_id,
        pointer=pointer,
    )


def released(held: Iterable[Held]) -> tuple[list[Kept], list[Entry]]:
    """The order lets go of what is still set aside. (What an invoice released stays that invoice's.)"""
    kept: list[Kept] = []
    entries = []
    for each in held:
        if each.sums.active:
            after = each.sums.released()
            kept.append((each, after, None))
            if each.sums.amount:
                entries.append(moved(each, after, Act.RELEASE))
    return kept, entries


def restored(held: Iterable[Held]) -> tuple[list[Kept], list[Entry]]:
    """What the order let go of is set aside again, as far as no invoice took it: the newest of each place."""
    newest: dict[Place, Held] = {}
    for each in held:
        if each.place not in newest or each.id > newest[each.place].id:
            newest[each.place] = each
    kept: list[Kept] = []
    entries = []
    for each in newest.values():
        if not each.sums.active and each.released_by is None and each.rollover_id is None:
            after = each.sums.restored()
            kept.append((each, after, None))
            entries.append(moved(each, after, Act.RESTORE))
    return kept, entries


def less_taken(
    planned: Sequence[Planned], held: Sequence[Held], budgets: Mapping[UUID, Locked]
) -> list[Planned]:
    """What is to be set aside of it, when invoices took some of it in years that are not meant any more."""
    meant = {wish.place[1] for wish in planned}
    taken: defaultdict[tuple[UUID | None, UUID | None], int] = defaultdict(int)
    for each in held:
        if each.budget_id not in meant:
            taken[each.fund_id, each.expense_class_id] += each.sums.taken
    left = []
    for wish in planned:
        borne_by = (budgets[wish.place[1]].fund_id, wish.place[2])
        left.append(replace(wish, amount=max(0, wish.amount - taken.pop(borne_by, 0))))
    return left


def rearranged(
    planned: Sequence[Planned], held: Sequence[Held]
) -> tuple[list[Kept], list[dict[str, Any]], list[Entry]]:
    """From what is set aside to what is to be: places that stay are moved, others released, new ones begun."""
    by_place: dict[Place, Held] = {}
    for each in held:
        if each.place not in by_place or each.sums.active or not by_place[each.place].sums.active:
            by_place[each.place] = each
    kept: list[Kept] = []
    entries: list[Entry] = []
    new: list[Planned] = []
    for wish in planned:
        before = by_place.pop(wish.place, None)
        if before is None:
            new.append(wish)
            continue
        after = replace(before.sums, initial=wish.amount)
        kept.append((before, after, before.released_by))
        if after.amount != before.sums.amount:
            entries.append(moved(before, after, Act.CHANGE, wish.pointer))
    let_go, releases = released(by_place.values())
    rows, begins = begun(new)
    return [*kept, *let_go], rows, [*entries, *releases, *begins]
