"""Effects about what we have electronically: acquisitions are asked by an event, and answer by one."""

from typing import Any, Final

from chassis import outbox
from contracts.ill import AccessSought
from ill.licences.queries import answers
from ill.licences.rules import way_of
from ill.requests.case import Case
from ill.requests.effects import BORROWING, LENDING, effect
from ill.requests.questions import next_number

NUMBERS: Final = ("issn", "eissn", "isbn", "doi", "oclc")


def _note(case: Case, **told: Any) -> None:
    """Keep it with what is known of our access; None: forget it."""
    kept = case.row["access"] | told
    case.row["access"] = {name: value for name, value in kept.items() if value is not None}


async def ask(case: Case) -> None:
    """Which ways are there to it today? Nothing is asked of what has no number to be found by."""
    citation = {name: told for name, told in case.row["citation"].items() if isinstance(told, str) and told}
    if not any(name in citation for name in NUMBERS):
        return
    number = next_number(case)
    event = AccessSought(
        version=number,
        occurred_at=case.now,
        request_id=case.id,
        part=case.row["service"] != "loan",
        citation=citation,
    )
    await outbox.record(case.connection, [event])
    _note(case, asked=number)


@effect(BORROWING, name="ask-for-access")
async def ask_for_access(case: Case) -> str | None:
    """May our readers have it electronically?"""
    await ask(case)
    return None if "asked" in case.row["access"] else "not-online"


@effect(BORROWING, LENDING, name="note-access")
async def note_access(case: Case) -> None:
    """The ways that there are, and why others are none."""
    told = case.told.here
    _note(case, asked=None, known=told["known"], targets=told["targets"], refused=told["refused"])


@effect(BORROWING, name="judge-access")
async def judge_access(case: Case) -> str:
    """A way that surely leads there: its link is the patron's, and nobody else is asked."""
    found = next((target for target in case.row["access"]["targets"] if target["certain"]), None)
    if found is None:
        return "not-online"
    case.row["offer"] = {"link": found["url"]}
    return "online-here"


@effect(BORROWING, name="leave-access")
async def leave_access(case: Case) -> None:
    """It is not asked for again, and the link is no offer any more."""
    case.row["offer"] = {}
    _note(case, asked=None, known=case.row["access"].get("known", False))


@effect(LENDING, name="ask-licences")
async def ask_licences(case: Case) -> None:
    """What we have of it electronically, and by which licences."""
    if case.row["service"] != "loan" and case.doc.lending.licences == "ask":
        await ask(case)


@effect(LENDING, name="note-licence")
async def note_licence(case: Case) -> None:
    """What the licence said when the copy went out, and on which grounds it did where that said nothing."""
    way = way_of(case.told.made_from, by_own_link=case.told.link is None)
    supplied: dict[str, Any] = {
        "made_from": case.told.made_from or "print",
        "on": case.now.date().isoformat(),
        "grounds": case.told.grounds,
    }
    if way is not None:
        found = (await answers(case.connection, case.row["access"], case.now.date()))[way]
        supplied |= {"way": str(way), **found.as_json()}
    _note(case, supplied={name: value for name, value in supplied.items() if value is not None})
