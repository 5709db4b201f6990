"""Several volumes under one request: each comes, and goes back, by itself. The request is open until the last has."""

from ill.requests.case import Case
from ill.requests.effects import BORROWING, LENDING, act_towards, effect, mark_volumes
from ill.requests.rules import parts_told, split
from ill.requests.supplying import write_to_partner

MISSING = "volumes-missing"


def _raise(case: Case, missing: list[str]) -> None:
    """Staff see that some are missing, and see it no more when none is."""
    if missing:
        case.row["attention"] = MISSING
    elif case.row["attention"] == MISSING:
        case.row["attention"] = None


@effect(BORROWING, name="note-part-received")
async def note_part_received(case: Case) -> None:
    """Received, with what has come and what has not."""
    case.row["received_at"] = case.row["received_at"] or case.now
    case.row["item_barcode"] = case.told.item_barcode or case.row["item_barcode"]
    case.row["due_at"] = case.told.due_at or case.row["due_at"]
    mark_volumes(case, "received_at", case.told.volumes)
    _, missing = split(case.row["volumes"], "received_at")
    _raise(case, missing)
    await act_towards(case, "Received", parts_told("Received", case.told.volumes, missing, None))


@effect(BORROWING, name="note-part-returned")
async def note_part_returned(case: Case) -> str | None:
    """Notification of those that are on their way; with the last, all are."""
    mark_volumes(case, "returned_at", case.told.volumes)
    _, missing = split(case.row["volumes"], "returned_at")
    if not missing:
        return "ship-back"
    words = parts_told("Sent back", case.told.volumes, missing, case.told.note)
    await act_towards(case, "Notification", words)
    return None


@effect(BORROWING, name="note-all-returned")
async def note_all_returned(case: Case) -> None:
    """Whatever has not been noted goes with the rest, if it ever came."""
    here, _ = split(case.row["volumes"], "received_at")
    mark_volumes(case, "returned_at", here)


@effect(LENDING, name="note-part-back")
async def note_part_back(case: Case) -> str | None:
    """They are told which are missing; with the last, all are back."""
    mark_volumes(case, "returned_at", case.told.volumes)
    _, missing = split(case.row["volumes"], "returned_at")
    _raise(case, missing)
    if not missing:
        return "receive-back"
    case.told = case.told_with(note=parts_told("Came back", case.told.volumes, missing, case.told.note))
    await write_to_partner(case)
    return None


@effect(LENDING, name="note-all-back")
async def note_all_back(case: Case) -> None:
    """Nothing is missing any more."""
    mark_volumes(case, "returned_at")
    _raise(case, [])
