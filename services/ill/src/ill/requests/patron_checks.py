"""Effects about the patron: circulation is asked how they stand, by an event, and answers by one."""

from contracts.ill import PatronSought
from ill.requests.case import Case
from ill.requests.effects import BORROWING, effect
from ill.requests.questions import next_number, remember
from ill.requests.telling import tell


@effect(BORROWING, name="ask-for-patron")
async def ask_for_patron(case: Case) -> None:
    """May they have it, as they stand now? Their limits and their card are circulation's to know."""
    asked = next_number(case)
    event = PatronSought(
        version=asked, occurred_at=case.now, request_id=case.id, patron_ref=case.row["patron_ref"]
    )
    await tell(case, event)
    remember(case, patron=asked)


@effect(BORROWING, name="note-patron")
async def note_patron(case: Case) -> None:
    """How they stand, and what stops them."""
    told = case.told.here
    remember(case, patron=None, stands=told, stops=list(told["stops"]) or None)


@effect(BORROWING, name="give-up-patron")
async def give_up_patron(case: Case) -> None:
    """What is remembered of them here counts; an answer that comes yet is none."""
    remember(case, patron=None, stands={})


@effect(BORROWING, name="forget-patron")
async def forget_patron(case: Case) -> None:
    """Checked again, they are asked about again."""
    remember(case, patron=None, stands=None, stops=None)
