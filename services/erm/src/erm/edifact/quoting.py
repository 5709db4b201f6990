"""QUOTES make pending orders: what was chosen on the vendor's site, to be approved here."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from pydantic import ValidationError

from chassis.problems import Reason
from erm.edifact.documents import Copies, Quote, QuoteLine
from erm.edifact.tasks import Held, Outcome, Task, flaws_of
from erm.orders import commands as orders
from erm.orders.entering import LineIn
from erm.rows import insert_many
from erm.wire import LONGEST

_FUNDS = "SELECT id, code FROM fund WHERE code = ANY ($1::text[])"


async def apply(task: Task, quote: Quote) -> Outcome:
    """Enter a pending order of all lines: a line for each place and fund that copies go to and are borne by."""
    currency = task.currency(quote.currency)
    wanted = {copies.fund for line in quote.lines for copies in line.copies if copies.fund}
    funds = {row["code"]: row["id"] for row in await task.connection.fetch(_FUNDS, sorted(wanted))}
    branches = {each["code"]: UUID(each["location_id"]) for each in task.account["branches"]}
    told: list[tuple[LineIn, QuoteLine]] = []
    reasons: list[Reason] = []
    for line in quote.lines:
        if line.price is None:
            text = f"Line {line.number} has no price (PRI)."
            reasons.append(Reason("price-missing", text, f"/lines/{line.number}", "Ask the vendor for it."))
        for copies in _together(line.copies):
            found, flaws = _line(task, line, copies, funds, branches)
            reasons += flaws
            if found is not None:
                told.append((found, line))
    if len(told) > LONGEST:
        text = f"It makes {len(told)} lines; an order has {LONGEST} at most."
        reasons.append(Reason("too-many-lines", text, "/lines", "Ask the vendor for smaller quotes."))
    if not told and not reasons:
        reasons.append(Reason("nothing-quoted", "No line of it is of any copies.", "/lines", "Discard it."))
    if reasons:
        raise Held(reasons)
    head = {
        "vendor_id": task.vendor_id,
        "account_number": task.account["account_number"],
        "order_type": "one-time",
        "currency": currency,
        "exchange_rate": None,
        "note": f"Quote {quote.number}",
    }
    order = await orders.enter(
        task.connection,
        head,
        [line for line, _ in told],
        actor=task.actor,
        now=task.now,
        standing=task.standing,
        units=task.vendor_units,
    )
    await insert_many(
        task.connection,
        "edifact_quoted_line",
        [
            {"order_line_id": entered.id, "reference": line.quote_reference}
            for entered, (_, line) in zip(order.lines, told, strict=True)
            if line.quote_reference is not None
        ],
    )
    return Outcome({"order_id": order.id})


def _together(copies: tuple[Copies, ...]) -> list[Copies]:
    """Copies that differ in nothing are one line."""
    counts: dict[Copies, int] = {}
    for each in copies:
        alike = replace(each, count=0)
        counts[alike] = counts.get(alike, 0) + each.count
    return [replace(alike, count=count) for alike, count in counts.items() if count]


def _line(
    task: Task, line: QuoteLine, copies: Copies, funds: Mapping[str, UUID], branches: Mapping[str, UUID]
) -> tuple[LineIn | None, list[Reason]]:
    pointer, reasons = f"/lines/{line.number}", []
    location_id = task.account["default_location_id"]
    if copies.branch:
        location_id = branches.get(copies.branch)
        if location_id is None:
            text = f"Line {line.number}: the vendor's code {copies.branch!r} stands for no location."
            mend = "Name it among the account's `branches`, then apply the message."
            reasons.append(Reason("branch-unknown", text, pointer, mend))
    fund_id = task.account["default_fund_id"]
    if copies.fund:
        fund_id = funds.get(copies.fund)
        if fund_id is None:
            text = f"Line {line.number}: there is no fund {copies.fund!r}."
            reasons.append(
                Reason("fund-unknown", text, pointer, "Enter it, or have the vendor correct its code.")
            )
    elif fund_id is None:
        text = f"Line {line.number} names no fund for {copies.count} of its copies."
        mend = "Give the account a `default_fund_id`, then apply the message."
        reasons.append(Reason("fund-missing", text, pointer, mend))
    if reasons or line.price is None:
        return None, reasons
    try:
        told = LineIn.model_validate(
            {
                "title": (line.title or line.ean or "")[:1000],
                "author": line.author and line.author[:300],
                "publisher": line.publisher and line.publisher[:300],
                "year": line.year and line.year[:40],
                "isbn": line.ean if line.ean and line.ean.startswith(("978", "979")) else None,
                "receipt": "items" if location_id else "count",
                "location_id": location_id,
                "call_number": copies.class_mark and copies.class_mark[:300],
                "quantity": copies.count,
                "list_price": f"{line.price:f}",
                "discount_percent": line.discount_percent or None,
                "shares": [{"fund_id": fund_id, "percent": "100"}],
                "note": line.note and line.note[:2000],
            }
        )
    except ValidationError as error:
        return None, flaws_of(error, pointer)
    return told, []
