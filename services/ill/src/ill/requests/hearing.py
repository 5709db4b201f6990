"""What partners say reaches a request by one door, whether it came as a message or staff wrote it down."""

from dataclasses import replace

from ill.iso18626.rules import SupplierSays, action_means, supplier_says
from ill.requests.case import Case
from ill.requests.commands import happen
from ill.requests.rules import Told


async def hear_supplier(case: Case, says: SupplierSays, told: Told) -> str | None:
    """What a supplier says of a request of ours; the element whose value makes no sense, if one does not."""
    meaning = supplier_says(says, before=case.row["status"], cancelling=case.row["state"] == "cancel-pending")
    if meaning.wrong is not None:
        return meaning.wrong
    event = meaning.event
    if event is None or case.model.move(case.row["state"], event) is None:
        return None
    case.told = told
    case.row["status"] = meaning.status or case.row["status"]
    await happen(case, event)
    return None


async def hear_partner(case: Case, action: str, told: Told) -> bool:
    """What a requesting partner does; False when the request is past it."""
    awaits = case.row["state"] == "condition-pending"
    case.told = told
    return await happen(case, action_means(action, note=told.note, awaits_agreement=awaits))


async def note_former_supplier(case: Case, told: Told, what: str) -> None:
    """Somebody who was left speaks up: nothing moves, staff look."""
    case.told = replace(told)
    case.row["attention"] = what
    case.steps.append((what, case.row["state"], case.row["state"]))
    await case.write()
