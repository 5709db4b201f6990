"""Staff set a due time by hand: when, why, and what it does to a recall."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from chassis.principal import Principal
from circulation.loans.rules import due_change_refusals, recall_stands
from contracts.circulation import FeeCharged, LoanDueDateChanged
from support.desk import CONFIGURATION, NOW, Make, codes, pointers, themselves
from support.harness import Harness

DAY = timedelta(days=1)
CLERK = Principal("staff", "clerk", frozenset({"loans:redate"}))


@pytest.mark.parametrize(
    ("state", "ended", "days", "refusals"),
    [
        ("on-loan", False, 1, []),
        ("on-loan", False, 0, ["due-not-ahead"]),
        ("on-loan", False, -1, ["due-not-ahead"]),
        ("on-loan", False, 3650, []),
        ("on-loan", False, 3651, ["due-too-far"]),
        ("available", True, 1, ["loan-closed"]),
        ("lost-and-paid", True, 0, ["loan-closed", "due-not-ahead"]),
        ("claimed-returned", False, 1, ["claimed-returned"]),
        ("claimed-returned", False, 0, ["claimed-returned", "due-not-ahead"]),
        ("lost", False, 1, ["item-lost"]),
    ],
)
def test_a_due_time_is_set_only_ahead_and_on_what_is_in_the_patrons_hands(
    state: str, ended: bool, days: int, refusals: list[str]
) -> None:
    assert due_change_refusals(state=state, ended=ended, due_at=NOW + days * DAY, now=NOW) == refusals


@pytest.mark.parametrize(
    ("recalled", "open_", "stands"), [(True, 1, True), (True, 0, False), (False, 1, False), (False, 0, False)]
)
def test_a_recall_stands_while_somebody_waits(recalled: bool, open_: int, stands: bool) -> None:
    assert recall_stands(recalled=recalled, recalls_open=open_) is stands


async def redate(
    circulation: Harness, loan: dict[str, Any], *, key: str | None = None, **more: Any
) -> httpx.Response:
    """Set the due time of a loan, ten days from now unless said otherwise; whatever comes of it."""
    body = {"due_at": (NOW + 10 * DAY).isoformat(), "reason": "exhibition"} | more
    headers = {"If-Match": f'"{loan["version"]}"', "Idempotency-Key": key or str(uuid4())}
    return await circulation.patch(f"/v1/loans/{loan['id']}", json=body, headers=headers)


async def test_staff_set_a_due_time_earlier_and_later_and_everybody_is_told(
    circulation: Harness, make: Make
) -> None:
    patron, item = await make.patron(), await make.item()
    loan = await make.loan(patron, item)

    with circulation.asking(CLERK):
        earlier = await redate(circulation, loan)
        later = await redate(circulation, earlier.json(), due_at=(NOW + 90 * DAY).isoformat())

    assert (earlier.status_code, earlier.json()["due_at"]) == (200, "2027-03-11T09:00:00Z")
    assert (later.status_code, later.headers["etag"]) == (200, '"3"')
    assert (await make.state(item))["due_at"] == later.json()["due_at"] == "2027-05-30T09:00:00Z"
    assert later.json()["renewals"] == 0
    first, second = await circulation.announced(LoanDueDateChanged)
    assert (first.version, second.version) == (2, 3)
    assert (second.previous_due_at, second.loan.due_at) == (NOW + 10 * DAY, NOW + 90 * DAY)
    assert second.availability.version > first.availability.version
    assert not [e for e in await circulation.envelopes() if "exhibition" in e.model_dump_json()]


async def test_a_due_time_is_set_once_however_often_the_same_request_comes(
    circulation: Harness, make: Make
) -> None:
    loan = await make.loan(await make.patron(), await make.item())

    answers = await asyncio.gather(*(redate(circulation, loan, key="one") for _ in range(4)))
    other = await redate(circulation, loan, key="one", reason="another")

    assert {answer.text for answer in answers} == {answers[0].text}
    assert {answer.status_code for answer in answers} == {200}
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert len(await circulation.announced(LoanDueDateChanged)) == 1


async def test_of_two_who_set_it_at_once_the_slower_reads_again(circulation: Harness, make: Make) -> None:
    loan = await make.loan(await make.patron(), await make.item())

    answers = await asyncio.gather(
        *(redate(circulation, loan, due_at=(NOW + day * DAY).isoformat()) for day in (2, 3, 4, 5))
    )

    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    assert len(await circulation.announced(LoanDueDateChanged)) == 1


async def test_a_renewal_and_a_change_by_hand_do_not_overwrite_each_other(
    circulation: Harness, make: Make
) -> None:
    loan = await make.loan(await make.patron(), await make.item())
    circulation.at(NOW + DAY)

    changed, renewed = await asyncio.gather(
        redate(circulation, loan, due_at=(NOW + 5 * DAY).isoformat()),
        circulation.post(f"/v1/loans/{loan['id']}/renewals"),
    )

    now = (await circulation.get(f"/v1/loans/{loan['id']}")).json()
    assert renewed.status_code == 201
    assert now["version"] == (3 if changed.status_code == 200 else 2)
    assert [e.sequence for e in await circulation.envelopes() if e.subject == loan["id"]] == list(
        range(1, now["version"] + 1)
    )


async def test_the_same_due_time_again_changes_nothing(circulation: Harness, make: Make) -> None:
    loan = await make.loan(await make.patron(), await make.item())

    answer = await redate(circulation, loan, due_at=loan["due_at"])

    assert (answer.status_code, answer.json()["version"]) == (200, 1)
    assert await circulation.announced(LoanDueDateChanged) == []


async def test_who_may_set_a_due_time_and_what_must_be_said(circulation: Harness, make: Make) -> None:
    patron = await make.patron()
    loan = await make.loan(patron, await make.item())
    path, body = f"/v1/loans/{loan['id']}", {"due_at": "2027-04-01T00:00:00Z", "reason": "…"}
    tagged = {"If-Match": '"1"', "Idempotency-Key": "k"}

    silent = await redate(circulation, loan, reason="")
    untagged = await circulation.patch(path, json=body, headers={"Idempotency-Key": "k"})
    keyless = await circulation.patch(path, json=body, headers={"If-Match": '"1"'})
    stale = await redate(circulation, loan | {"version": 7})
    unknown = await circulation.patch(f"/v1/loans/{uuid4()}", json=body, headers=tagged)
    with circulation.asking(themselves(patron)):
        own = await redate(circulation, loan)
    with circulation.asking(Principal("staff", "x", CLERK.scopes, libraries=frozenset({"LAW"}))):
        elsewhere = await redate(circulation, loan)

    assert (silent.status_code, pointers(silent)) == (422, ["/reason"])
    assert [answer.status_code for answer in (untagged, keyless, stale)] == [428, 400, 412]
    assert [answer.status_code for answer in (unknown, own, elsewhere)] == [404, 403, 403]
    assert await circulation.announced(LoanDueDateChanged) == []


async def test_every_reason_against_a_due_time_is_told_at_once(circulation: Harness, make: Make) -> None:
    item = await make.item()
    loan = await make.loan(await make.patron(), item)
    await make.take_back(item)

    answer = await redate(circulation, loan | {"version": 2}, due_at=NOW.isoformat())

    assert (answer.status_code, codes(answer)) == (409, ["loan-closed", "due-not-ahead"])
    assert pointers(answer) == ["", "/due_at"]


async def test_an_overdue_loan_that_is_given_more_time_owes_from_the_new_due_time(
    circulation: Harness, make: Make
) -> None:
    patron, item = await make.patron(), await make.item()
    loan = await make.loan(patron, item)
    circulation.at(NOW + 35 * DAY)
    await redate(circulation, loan, due_at=(NOW + 40 * DAY).isoformat())
    circulation.at(NOW + 42 * DAY)

    back = await make.take_back(item)

    assert back["fine_minor"] == 40
    assert [event.fee.amount.minor for event in await circulation.announced(FeeCharged)] == [40]


async def test_a_recall_is_forgotten_only_when_nobody_waits_any_more(
    circulation: Harness, make: Make
) -> None:
    item = await make.item()
    loan = await make.loan(await make.patron(), item)
    hold = await make.hold(await make.patron(), item, kind="recall")
    recalled = (await circulation.get(f"/v1/loans/{loan['id']}")).json()

    waited_for = (await redate(circulation, recalled)).json()
    await make.cancel(hold)
    lifted = (await circulation.get(f"/v1/loans/{loan['id']}")).json()
    free = (await redate(circulation, lifted, due_at=(NOW + 20 * DAY).isoformat())).json()
    again = await make.hold(await make.patron(), item, kind="recall")
    shortened = (await circulation.get(f"/v1/loans/{loan['id']}")).json()

    assert waited_for["recalled_at"] == recalled["recalled_at"] is not None
    assert free["recalled_at"] is None
    assert again["kind"] == "recall"
    assert shortened["due_at"] < free["due_at"]


async def test_nothing_is_changed_on_what_is_claimed_returned_or_lost(
    circulation: Harness, make: Make
) -> None:
    policy = {"code": "lost", "name": "Lost", "cost": "set", "amount": 3000}
    await make.configure(
        lost_policies=[policy], rules=[rule | {"lost": "lost"} for rule in CONFIGURATION["rules"]]
    )
    claimed, lost = [await make.loan(await make.patron(), await make.item()) for _ in range(2)]
    await circulation.post(f"/v1/loans/{claimed['id']}/claims", json={"comment": "in the drop"})
    await circulation.post(f"/v1/loans/{lost['id']}/losses", json={"comment": "lost on a train"})

    answers = [
        await redate(circulation, (await circulation.get(f"/v1/loans/{loan['id']}")).json())
        for loan in (claimed, lost)
    ]

    assert [(answer.status_code, codes(answer)) for answer in answers] == [
        (409, ["claimed-returned"]),
        (409, ["item-lost"]),
    ]
    assert await circulation.announced(LoanDueDateChanged) == []
