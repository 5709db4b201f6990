"""Questions that circulation does not answer are waited for no longer than is said; and what it answers by itself."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from chassis.ids import uuid7
from contracts.catalog import FoundTitle, TitlesFound
from contracts.circulation import ItemAvailability, LoanCreated, LoanFacts, PartnerItemKept, PartnerLoanMade
from contracts.ill import HoldWantedHere, ItemSought, ItemWanted, PartnerLoanWanted
from support.desk import codes
from support.harness import Harness
from support.lending import NOW, Make
from support.otherlibrary import Other, World

DUE = NOW + timedelta(days=30)
LATER = NOW + timedelta(minutes=31)
PARTNER = uuid7()
ITEM = uuid7()


async def waiting(ill: Harness, world: World, make: Make) -> tuple[Other, dict[str, Any]]:
    """A partner's request: a copy is kept for it, and circulation was asked to lend it."""
    await make.configure(lending={"desk": "main-desk"})
    other = await world.other(patron_id=str(PARTNER))
    await other.asks()
    (asked,) = (await ill.get("/v1/ill/requests?side=lending")).json()["items"]
    await make.act(asked, "reserve", title_id=str(uuid7()))
    kept = {"hold_id": uuid7(), "title_id": uuid7(), "item_id": ITEM, "barcode": "31"}
    (question,) = await ill.announced(ItemWanted)
    await ill.deliver(answer(PartnerItemKept, asked, question.version, **kept), source="circulation")
    await make.act(asked, "will-supply")
    await make.act(asked, "ship", due_at=DUE.isoformat(), note="with care")
    return other, asked


def answer(kind: Any, request: dict[str, Any], asked: int, **told: Any) -> Any:
    """What circulation says."""
    return kind(version=1, occurred_at=NOW, request_id=UUID(request["id"]), asked=asked, **told)


def lent() -> LoanCreated:
    """Its loan to the partner."""
    loan_id = uuid7()
    facts = LoanFacts(
        loan_id=loan_id,
        item_id=ITEM,
        title_id=uuid7(),
        patron_ref=PARTNER,
        patron_group="library",
        service_point_id=uuid7(),
        lent_at=NOW,
        due_at=DUE,
        due_zone="UTC",
        renewals=0,
        policy="standard",
        rules_version=1,
    )
    now = ItemAvailability(
        item_id=ITEM,
        version=2,
        title_ids=(facts.title_id,),
        library="M",
        location="S",
        state="on-loan",
        lendable=True,
        as_of=NOW,
    )
    return LoanCreated(
        version=1, occurred_at=NOW, loan_id=loan_id, item_id=ITEM, loan=facts, availability=now
    )


async def silent(ill: Harness, make: Make, request: dict[str, Any]) -> dict[str, Any]:
    """Half an hour later."""
    ill.at(LATER)
    await ill.tick("watch-requests")
    return await make.now(request)


async def test_a_check_out_that_nobody_answers_is_shown_to_staff_and_asked_for_again(
    ill: Harness, world: World, make: Make
) -> None:
    other, asked = await waiting(ill, world, make)

    shown = await silent(ill, make, asked)
    queue = (await ill.get("/v1/ill/requests?attention=true&state=checking-out")).json()["items"]
    again = await make.act(asked, "ask-circulation")
    first, second = await ill.announced(PartnerLoanWanted)
    old = answer(PartnerLoanMade, asked, first.version, reasons=("item-unknown",))
    await ill.deliver(old, source="circulation")  # an answer to the old question is none
    still = await make.now(asked)
    made = {"loan_id": uuid7(), "item_id": ITEM, "barcode": "31", "due_at": DUE}
    await ill.deliver(answer(PartnerLoanMade, asked, second.version, **made), source="circulation")
    await world.deliver()

    assert (shown["state"], shown["attention"]) == ("checking-out", "circulation-silent")
    assert [one["id"] for one in queue] == [asked["id"]]
    assert (again["attention"], still["state"]) == (None, "checking-out")
    assert first.model_dump(exclude={"version", "occurred_at"}) == second.model_dump(
        exclude={"version", "occurred_at"}
    )
    assert again["look_at"] == "2027-03-01T10:01:00Z"  # half an hour from then
    assert (await make.now(asked))["state"] == "shipped"
    assert other.last["messageInfo"]["note"] == "with care"


async def test_a_loan_that_is_known_needs_no_answer(ill: Harness, world: World, make: Make) -> None:
    other, asked = await waiting(ill, world, make)
    await ill.deliver(lent(), source="circulation")
    before = await make.now(asked)

    after = await silent(ill, make, asked)
    await world.deliver()

    assert (before["state"], after["state"], after["attention"]) == ("checking-out", "shipped", None)
    assert (after["item_barcode"], other.asked[-1]) == ("31", "StatusChange Loaned")


async def test_staff_may_leave_a_check_out_whose_late_loan_is_packed_and_not_lost(
    ill: Harness, world: World, make: Make
) -> None:
    _, asked = await waiting(ill, world, make)

    left = await make.act(asked, "leave-check-out")
    refused = await make.try_to(asked, "ask-circulation")
    await ill.deliver(lent(), source="circulation")
    late = await make.now(asked)

    assert (left["state"], left["attention"]) == ("will-supply", None)
    assert codes(refused) == ["state-forbids"]
    assert late["state"] == "packed"


# --- our own shelves, by themselves ---


async def found_here(ill: Harness, make: Make, *, certain: bool = True) -> dict[str, Any]:
    """A patron's wish that the catalogue has."""
    await make.partner()
    request = await make.request()
    (sought,) = await ill.announced(ItemSought)
    titles = (FoundTitle(title_id=uuid7(), title="Rivers", by="isbn" if certain else "title"),)
    told = {"certain": certain, "titles": titles}
    await ill.deliver(answer(TitlesFound, request, sought.version, **told), source="catalog")
    return request


async def test_what_we_have_is_held_for_the_patron_by_itself_where_the_library_wants_it_so(
    ill: Harness, make: Make
) -> None:
    await make.configure(own_shelves="fill")
    request = await found_here(ill, make)
    (wanted,) = await ill.announced(HoldWantedHere)
    placing = await make.now(request)
    held = {"hold_id": uuid7(), "title_id": wanted.title_ids[0]}
    await ill.deliver(answer(PartnerItemKept, request, wanted.version, **held), source="circulation")

    assert placing["state"] == "placing-here"
    assert (await make.now(request))["state"] == "filled-here"


async def test_others_are_asked_by_itself_when_ours_cannot_be_held(ill: Harness, make: Make) -> None:
    await make.configure(own_shelves="fill")
    request = await found_here(ill, make)
    (wanted,) = await ill.announced(HoldWantedHere)
    told = answer(PartnerItemKept, request, wanted.version, reasons=("none-on-shelf",))
    await ill.deliver(told, source="circulation")

    now = await make.now(request)
    assert (now["state"], now["attention"]) == ("sent", None)
    assert await make.rota(request) == [("XX-SUPA", "active", None)]


async def test_a_hold_that_nobody_answers_for_is_shown_and_asked_for_again(ill: Harness, make: Make) -> None:
    await make.configure(own_shelves="fill")
    request = await found_here(ill, make)

    shown = await silent(ill, make, request)
    again = await make.act(request, "fill-here")

    assert (shown["state"], shown["attention"]) == ("placing-here", "circulation-silent")
    assert (again["state"], len(await ill.announced(HoldWantedHere))) == ("placing-here", 2)


async def test_what_was_found_by_its_words_alone_waits_for_staff(ill: Harness, make: Make) -> None:
    await make.configure(own_shelves="fill")

    request = await found_here(ill, make, certain=False)

    assert (await make.now(request))["state"] == "sent"
    assert await ill.announced(HoldWantedHere) == []
