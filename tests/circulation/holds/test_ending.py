"""Why a hold is given up, and what becomes of the loan that a recall has shortened."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from circulation.holds.rules import (
    PATRON_WISH,
    CancellationFlaw,
    CancellationReason,
    cancellation_flaws,
)
from contracts.circulation import HoldCancelled, LoanRecallLifted
from support.desk import CONFIGURATION, Make, codes, pointers, themselves
from support.harness import Harness

DAMAGED = CancellationReason("damaged", "Damaged", {"de": "Beschädigt"}, needs_text=True)
KNOWN = {reason.code: reason for reason in (PATRON_WISH, DAMAGED)}


@pytest.mark.parametrize(
    ("code", "text", "by", "flaws"),
    [
        ("patron-wish", None, "patron", []),
        ("patron-wish", None, "staff", []),
        ("damaged", "Pages are missing.", "staff", []),
        ("damaged", None, "staff", [CancellationFlaw.TEXT_MISSING]),
        ("damaged", "  ", "staff", [CancellationFlaw.TEXT_MISSING]),
        ("damaged", None, "patron", [CancellationFlaw.REASON_NOT_YOURS, CancellationFlaw.TEXT_MISSING]),
        ("no-idea", None, "staff", [CancellationFlaw.REASON_UNKNOWN]),
    ],
)
def test_a_reason_is_one_of_the_librarys_for_those_who_may_give_it_with_words_where_it_needs_them(
    code: str, text: str | None, by: str, flaws: list[CancellationFlaw]
) -> None:
    assert cancellation_flaws(KNOWN, code, text, by=by) == flaws


REASONS = [
    {"code": "damaged", "name": "Damaged", "wording": {"de": "Beschädigt"}, "needs_text": True},
    {"code": "too-late", "name": "Too late", "used_by": ["patron", "staff"]},
]


async def give_up(circulation: Harness, hold: dict[str, Any], **body: Any) -> Any:
    return await circulation.post(f"/v1/holds/{hold['id']}/cancellations", json=body)


async def test_a_hold_is_given_up_for_a_coded_reason_and_events_tell_the_code_alone(
    circulation: Harness, make: Make
) -> None:
    await make.configure(cancellation_reasons=REASONS)
    hold = await make.hold(await make.patron(), await make.item())

    refused = await give_up(circulation, hold, reason="damaged")
    unknown = await give_up(circulation, hold, reason="because")
    done = await give_up(circulation, hold, reason="damaged", text="Coffee, by Patron 1.")

    assert (refused.status_code, codes(refused), pointers(refused)) == (422, ["text-missing"], ["/text"])
    assert codes(unknown) == ["reason-unknown"]
    assert (done.json()["state"], done.json()["reason"]) == ("cancelled", "damaged")
    assert (await make.hold_of(hold))["reason_wording"] == {"de": "Beschädigt"}
    assert [event.reason for event in await circulation.announced(HoldCancelled)] == ["damaged"]
    assert "Coffee" not in str(await circulation.envelopes())


async def test_patrons_and_staff_read_the_reasons_that_they_may_give(
    circulation: Harness, make: Make
) -> None:
    await make.configure(cancellation_reasons=REASONS)
    patron = await make.patron()
    hold = await make.hold(patron, await make.item())

    async def listed() -> list[str]:
        answer = await circulation.get("/v1/holds/cancellation-reasons")
        return [reason["code"] for reason in answer.json()["items"]]

    assert await listed() == ["patron-wish", "damaged", "too-late"]
    with circulation.asking(themselves(patron)):
        assert await listed() == ["patron-wish", "too-late"]
        assert codes(await give_up(circulation, hold, reason="damaged", text="x")) == ["reason-not-yours"]
        assert (await give_up(circulation, hold, reason="too-late")).status_code == 201


async def loan_of(circulation: Harness, loan: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = (await circulation.get(f"/v1/loans/{loan['id']}")).json()
    return told


async def test_a_recall_that_is_given_up_is_lifted_and_the_due_time_stays(
    circulation: Harness, make: Make
) -> None:
    anna, item = await make.patron(), await make.item()
    loan = await make.loan(anna, item)
    recall = await make.hold(await make.patron(), item, kind="recall")
    shortened = await loan_of(circulation, loan)
    assert datetime.fromisoformat(shortened["due_at"]) < datetime.fromisoformat(loan["due_at"])
    refused = await circulation.post(f"/v1/loans/{loan['id']}/renewals", json={})
    assert "recalled" in codes(refused)

    await make.cancel(recall)

    assert (await loan_of(circulation, loan))["due_at"] == shortened["due_at"]
    assert not (await make.account(anna))["loans"][0]["recalled"]
    (event,) = await circulation.announced(LoanRecallLifted)
    assert (event.hold_id, event.version) == (
        (await circulation.announced(HoldCancelled))[0].hold_id,
        shortened["version"] + 1,
    )
    assert (await circulation.post(f"/v1/loans/{loan['id']}/renewals", json={})).status_code in (200, 201)


async def test_the_next_recall_takes_over_the_loan_that_was_shortened(
    circulation: Harness, make: Make
) -> None:
    anna, item = await make.patron(), await make.item()
    await make.loan(anna, item)
    first, second = [await make.hold(await make.patron(), item, kind="recall") for _ in range(2)]

    await make.cancel(first)
    still = (await make.account(anna))["loans"][0]["recalled"]
    await make.cancel(second)

    assert (still, (await make.account(anna))["loans"][0]["recalled"]) == (True, False)
    assert len(await circulation.announced(LoanRecallLifted)) == 1


async def test_a_recall_that_moves_to_another_copy_lifts_the_first(circulation: Harness, make: Make) -> None:
    here = await make.item()
    there = await make.item(title_ids=here.title_ids)
    anna, bela = await make.patron(), await make.patron()
    await make.loan(anna, here)
    await make.loan(bela, there)
    recall = (await make.place(await make.patron(), item_id=str(here.item_id), kind="recall")).json()

    await circulation.post(f"/v1/holds/{recall['id']}/moves", json={"item_id": str(there.item_id)})

    assert [(await make.account(patron))["loans"][0]["recalled"] for patron in (anna, bela)] == [False, True]


async def test_a_loan_returned_while_its_recall_is_given_up_ends_once(
    circulation: Harness, make: Make
) -> None:
    item = await make.item()
    loan = await make.loan(await make.patron(), item)
    recall = await make.hold(await make.patron(), item, kind="recall")

    await asyncio.gather(make.take_back(item), make.cancel(recall))

    told = await loan_of(circulation, loan)
    assert told["returned_at"] is not None
    assert told["version"] == 3 + len(await circulation.announced(LoanRecallLifted))
    assert (await make.state(item))["state"] in (
        "available",
        "reshelving",
    )  # put on the hold shelf before, or not


async def test_a_recalled_loan_has_the_grace_of_recalls(circulation: Harness, make: Make) -> None:
    fines = [CONFIGURATION["fine_policies"][0] | {"grace_units": 5, "recall_grace_units": 0}]
    await make.configure(fine_policies=[*fines, CONFIGURATION["fine_policies"][1]])
    usual, recalled = await make.item(), await make.item()
    for item in (usual, recalled):
        await make.loan(await make.patron(), item)
    await make.hold(await make.patron(), recalled, kind="recall")
    dues = [(await make.state(item))["due_at"] for item in (usual, recalled)]
    fined = []

    for item, due in zip((usual, recalled), dues, strict=True):
        circulation.at(datetime.fromisoformat(due) + timedelta(days=2))
        fined.append((await make.take_back(item))["fine_minor"])

    assert fined == [0, 40]
