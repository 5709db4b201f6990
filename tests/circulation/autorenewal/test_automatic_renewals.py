"""Loans that are renewed without being asked for: by the timer, as the patron wishes, and told of."""

import asyncio
from datetime import timedelta
from typing import Any

from contracts.circulation import FeeCharged, LoanNotRenewed, LoanRenewed
from support.desk import CONFIGURATION, NOW, Make, codes, themselves
from support.harness import Harness
from support.money import charged

BEFORE_DUE = NOW + timedelta(days=27)
TIMER = "automatic-renewals"


async def renews(make: Make, policy: dict[str, Any] | None = None, **auto: Any) -> None:
    told = CONFIGURATION["loan_policies"][0] | {"automatic_renewal": {"days_before": 2} | auto}
    policies = [told | (policy or {}), *CONFIGURATION["loan_policies"][1:]]
    answer = await make.configure(loan_policies=policies, fee_types=[{"code": "damage", "name": "Damage"}])
    assert answer.status_code == 200, answer.text


async def due(circulation: Harness, loan: dict[str, Any]) -> tuple[str, int]:
    told = (await circulation.get(f"/v1/loans/{loan['id']}")).json()
    return told["due_at"], told["renewals"]


async def test_loans_are_renewed_in_time_once_and_the_final_one_is_announced(
    circulation: Harness, make: Make
) -> None:
    await renews(make)
    patron, items = await make.patron(), [await make.item() for _ in range(2)]
    loans = [await make.loan(patron, item) for item in items]
    by_hand = await make.loan(patron, await make.item(material_type="video"))

    await circulation.tick(TIMER)
    early = await due(circulation, loans[0])
    circulation.at(BEFORE_DUE)
    await asyncio.gather(circulation.tick(TIMER), circulation.tick(TIMER))
    await circulation.tick(TIMER)
    once = [await due(circulation, loan) for loan in loans]
    circulation.at(BEFORE_DUE + timedelta(days=27))
    await circulation.tick(TIMER)
    circulation.at(BEFORE_DUE + timedelta(days=54))
    await circulation.tick(TIMER)

    assert early == (loans[0]["due_at"], 0)
    assert once == [("2027-04-25T21:59:59Z", 1)] * 2
    assert await due(circulation, by_hand) == (by_hand["due_at"], 0)
    told = [(event.automatic, event.final) for event in await circulation.announced(LoanRenewed)]
    assert told == [(True, False)] * 2 + [(True, True)] * 2
    assert {event.reasons for event in await circulation.announced(LoanNotRenewed)} == {("renewal-limit",)}
    assert await circulation.announced(FeeCharged) == []
    sequences = [each.sequence for each in await circulation.envelopes() if each.subject == loans[0]["id"]]
    assert sequences == list(range(1, len(sequences) + 1))


async def test_it_is_too_soon_for_the_robot_but_not_for_the_patron_by_hand(
    circulation: Harness, make: Make
) -> None:
    await renews(make)
    patron = await make.patron()
    loan = await make.loan(patron, await make.item())
    circulation.at(NOW + timedelta(days=7))

    await circulation.tick(TIMER)
    with circulation.asking(themselves(patron)):
        renewed = await circulation.post(f"/v1/loans/{loan['id']}/renewals")

    assert renewed.status_code == 201
    assert await circulation.announced(LoanNotRenewed) == []
    assert [event.automatic for event in await circulation.announced(LoanRenewed)] == [False]


async def test_who_wants_none_owes_or_is_blocked_is_told_why_once(circulation: Harness, make: Make) -> None:
    await renews(make, max_owed=500)
    unwilling, owing, blocked, exact = [await make.patron() for _ in range(4)]
    loans = {p["id"]: await make.loan(p, await make.item()) for p in (unwilling, owing, blocked, exact)}
    path = f"/v1/patrons/{unwilling['id']}/automatic-renewals"
    with circulation.asking(themselves(unwilling)):
        before = await circulation.get("/v1/patrons/me/automatic-renewals")
        stale = await circulation.put(path, json={"wanted": False}, headers={"If-Match": '"7"'})
        set_ = await circulation.put(
            path, json={"wanted": False}, headers={"If-Match": before.headers["etag"]}
        )
    with circulation.asking(themselves(owing)):
        foreign = await circulation.put(path, json={"wanted": True}, headers={"If-Match": '"2"'})
    await charged(make, owing, 501)
    await charged(make, exact, 500)
    await circulation.post(
        f"/v1/patrons/{blocked['id']}/blocks", json={"actions": ["renew"], "note": "lost a book"}
    )
    circulation.at(BEFORE_DUE)

    await circulation.tick(TIMER)
    circulation.at(BEFORE_DUE + timedelta(days=1))
    await circulation.tick(TIMER)

    assert (before.json(), stale.status_code, set_.status_code) == ({"wanted": True}, 412, 200)
    assert foreign.status_code == 404
    told = {str(e.loan.patron_ref): e.reasons for e in await circulation.announced(LoanNotRenewed)}
    assert told == {
        unwilling["id"]: ("auto-not-wanted",),
        owing["id"]: ("auto-owes-too-much",),
        blocked["id"]: ("patron-blocked",),
    }
    assert len(await circulation.announced(LoanNotRenewed)) == 3
    assert (await due(circulation, loans[exact["id"]]))[1] == 1


async def test_a_due_date_set_by_hand_and_a_recall_are_noticed(circulation: Harness, make: Make) -> None:
    await renews(make)
    patron, item = await make.patron(), await make.item()
    moved, recalled = await make.loan(patron, await make.item()), await make.loan(patron, item)
    await circulation.patch(
        f"/v1/loans/{moved['id']}",
        json={"due_at": "2027-03-20T12:00:00Z", "reason": "stocktaking"},
        headers={"If-Match": '"1"', "Idempotency-Key": "by-hand"},
    )
    await make.hold(await make.patron(), item, kind="recall")

    circulation.at(NOW + timedelta(days=18))
    await circulation.tick(TIMER)

    assert (await due(circulation, moved))[1] == 1
    assert (await due(circulation, recalled))[1] == 0
    (left,) = await circulation.announced(LoanNotRenewed)
    assert str(left.loan_id) == recalled["id"]
    assert "recalled" in left.reasons


async def test_a_patron_and_the_robot_at_once_renew_a_loan_once(circulation: Harness, make: Make) -> None:
    await renews(make)
    patron = await make.patron()
    loan = await make.loan(patron, await make.item())
    circulation.at(BEFORE_DUE)

    with circulation.asking(themselves(patron)):
        by_hand, _ = await asyncio.gather(
            circulation.post(f"/v1/loans/{loan['id']}/renewals"), circulation.tick(TIMER)
        )

    told = await circulation.announced(LoanRenewed)
    assert len(told) == 1
    assert by_hand.status_code == (409 if told[0].automatic else 201)
    assert await due(circulation, loan) == ("2027-04-25T21:59:59Z", 1)


async def test_a_policy_that_begins_too_early_renews_once_a_day_at_most(
    circulation: Harness, make: Make
) -> None:
    await renews(make, {"renew_from": "due-date", "max_renewals": None}, days_before=60)
    loan = await make.loan(await make.patron(), await make.item())

    for _ in range(2):
        await circulation.tick(TIMER)

    assert (await due(circulation, loan))[1] == 1


async def test_the_timer_reads_an_index_and_a_slice(circulation: Harness, make: Make) -> None:
    from circulation.autorenewal.timers import DUE

    async with circulation.resources.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off")
        plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {DUE}", NOW, 200))

    assert "loan_to_renew" in plan
    assert "Sort" not in plan


async def test_a_policy_that_cannot_renew_automatically_is_not_saved(
    circulation: Harness, make: Make
) -> None:
    told = CONFIGURATION["loan_policies"][0] | {"automatic_renewal": {}}
    costly = told | {"rental": {"amount": 100}}

    answers = [
        await make.configure(loan_policies=[policy, *CONFIGURATION["loan_policies"][1:]])
        for policy in (told | {"renewable": False}, costly)
    ]

    assert [codes(answer) for answer in answers] == [["policy-contradicts-itself"]] * 2
