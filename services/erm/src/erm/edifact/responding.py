"""ORDRSP: what a vendor says of lines is kept, and lines that it will not supply are cancelled."""

from typing import Final

from chassis.problems import Reason
from erm.edifact.documents import Response, ResponseLine
from erm.edifact.matching import Found, foreign, unknown
from erm.edifact.rules import Report, report_of
from erm.edifact.tasks import Held, Outcome, Task
from erm.money.rules import NotAnAmount, read, written
from erm.orders import commands as orders
from erm.orders import queries

_REPORT: Final = """
INSERT INTO edifact_line_report (order_line_id, message_id, report, action, codes, text, ordered, despatched,
    back_ordered, expected_on, price, reported_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (order_line_id) DO UPDATE SET message_id = excluded.message_id, report = excluded.report,
    action = excluded.action, codes = excluded.codes, text = excluded.text, ordered = excluded.ordered,
    despatched = excluded.despatched, back_ordered = excluded.back_ordered, expected_on = excluded.expected_on,
    price = coalesce(excluded.price, edifact_line_report.price), reported_at = excluded.reported_at
"""
_ACKNOWLEDGE: Final = """
UPDATE edifact_message SET state = 'acknowledged', version = version + 1, done_at = $2
WHERE order_id = ANY ($1::uuid[]) AND direction = 'out' AND state = 'sent'
"""


async def apply(task: Task, response: Response) -> Outcome:
    """Keep the report of each line; cancel what will not come, which lets its money go."""
    found, _ = await task.found(response.lines, order_number=response.order_number)
    reasons = []
    for line in response.lines:
        if (its := found.get(line.segment)) is None:
            reasons.append(unknown(line))
        elif its.order.row["vendor_id"] != task.vendor_id:
            reasons.append(foreign(line, its.order))
    if reasons:
        raise Held(reasons)
    warnings: list[Reason] = []
    for line in response.lines:
        its = found[line.segment]
        report = report_of(line, task.account["refusal_codes"])
        warnings += _warnings(line, its, report)
        await _keep(task, line, its, report)
        if report is Report.NOT_SUPPLIED and not its.line.row["cancelled"]:
            order = await queries.order(task.connection, its.order.id)  # as the lines before have left it
            assert order is not None
            reason = " ".join(filter(None, ("The vendor will not supply it.", *line.codes, line.text)))[:2000]
            await orders.cancel_line(
                task.connection, order, order.line(its.line.id), task.books(reason), reason
            )
    ids = {its.order.id for its in found.values()}
    await task.connection.execute(_ACKNOWLEDGE, list(ids), task.now)
    return Outcome({"order_id": next(iter(ids))} if len(ids) == 1 else {}, warnings)


def _price(line: ResponseLine, currency: str) -> int | None:
    """Minor units; none for what the currency cannot hold."""
    try:
        return None if line.price is None else read(f"{line.price:f}", currency)
    except NotAnAmount:
        return None


def _warnings(line: ResponseLine, its: Found, report: Report) -> list[Reason]:
    pointer, row = f"/lines/{line.number}", its.line.row
    currency = its.order.row["currency"]
    told = []
    price = _price(line, currency)
    if price is not None and price != row["list_price"]:
        text = f"Line {line.number} costs {written(price, currency)}, not {written(row['list_price'], currency)}."
        told.append(Reason("price-differs", text, pointer, "Change the order line if you agree."))
    if report is Report.NOT_SUPPLIED:
        told.append(
            Reason("not-supplied", f"Line {line.number} will not be supplied; it is cancelled.", pointer)
        )
    if report is Report.NOT_FOUND:
        told.append(
            Reason("not-found", f"The vendor does not know line {line.number}.", pointer, "Send it again.")
        )
    if line.ordered is not None and line.ordered != row["quantity"]:
        text = (
            f"The vendor has line {line.number} with {line.ordered} copies, {row['quantity']} were ordered."
        )
        told.append(Reason("quantity-differs", text, pointer, "Ask the vendor."))
    return told


async def _keep(task: Task, line: ResponseLine, its: Found, report: Report) -> None:
    await task.connection.execute(
        _REPORT,
        its.line.id,
        task.message["id"],
        report.value,
        line.action,
        list(line.codes),
        line.text,
        line.ordered,
        line.despatched,
        line.back_ordered,
        line.expected_on,
        _price(line, its.order.row["currency"]),
        task.now,
    )
