"""DESADV: what is on its way, parcel by parcel, so that a whole parcel can be received at once."""

from chassis.ids import uuid7
from chassis.problems import Reason
from erm.edifact.documents import Despatch
from erm.edifact.matching import foreign, unknown
from erm.edifact.tasks import Held, Outcome, Task
from erm.rows import insert, insert_many


async def apply(task: Task, despatch: Despatch) -> Outcome:
    """Write down what is to come; nothing is received yet."""
    found, _ = await task.found(despatch.lines, order_number=despatch.order_number)
    reasons = []
    for line in despatch.lines:
        if (its := found.get(line.segment)) is None:
            reasons.append(unknown(line))
        elif its.order.row["vendor_id"] != task.vendor_id:
            reasons.append(foreign(line, its.order))
        elif its.order.row["state"] == "pending":
            text = f"Line {line.number}: order {its.order.row['number']} has not been approved."
            reasons.append(Reason("order-not-approved", text, f"/lines/{line.number}", "Approve it first."))
    coming = [line for line in despatch.lines if line.quantity]
    if not coming:
        reasons.append(Reason("nothing-comes", "No line of it has a quantity (QTY 12).", "/lines"))
    if reasons:
        raise Held(reasons)
    despatch_id = uuid7()
    await insert(
        task.connection,
        "despatch_advice",
        id=despatch_id,
        organisation_id=task.vendor_id,
        message_id=task.message["id"],
        number=despatch.number,
        dated=despatch.dated,
        expected_on=despatch.expected_on,
        created_at=task.now,
    )
    await insert_many(
        task.connection,
        "despatch_advice_line",
        [
            {
                "despatch_id": despatch_id,
                "position": at,
                "order_line_id": found[line.segment].line.id,
                "quantity": line.quantity,
                "parcel": line.parcel,
            }
            for at, line in enumerate(coming)
        ],
    )
    return Outcome({"despatch_id": despatch_id})
