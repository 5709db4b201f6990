"""Renewals: whose, until when, and what a late one costs."""

from datetime import timedelta

from chassis.principal import Principal
from contracts.circulation import FeeCharged, LoanRenewed
from support.desk import CONFIGURATION, NOW, Make, codes, themselves
from support.harness import Harness

DAY = timedelta(days=1)


async def test_patrons_renew_their_own_loans_and_know_of_no_others(circulation: Harness, make: Make) -> None:
    patron, other = await make.patron(), await make.patron()
    loan = await make.loan(patron, await make.item())
    circulation.at(NOW + DAY)

    with circulation.asking(themselves(other)):
        foreign = await circulation.post(f"/v1/loans/{loan['id']}/renewals")
        peek = await circulation.get(f"/v1/loans/{loan['id']}")
    with circulation.asking(themselves(patron)):
        own = await circulation.post(f"/v1/loans/{loan['id']}/renewals")
        read = await circulation.get(f"/v1/loans/{loan['id']}")
        listed = await circulation.get("/v1/loans")

    assert (foreign.status_code, peek.status_code) == (404, 404)
    assert (own.status_code, own.json()["due_at"]) == (201, "2027-03-30T21:59:59Z")
    assert read.json()["renewals"] == 1
    assert own.headers["etag"] == read.headers["etag"] == '"2"'
    assert listed.status_code == 403


async def test_nobody_and_staff_without_the_scope_renew_nothing(circulation: Harness, make: Make) -> None:
    loan = await make.loan(await make.patron(), await make.item())

    with circulation.asking(Principal("staff", "x", frozenset({"loans:read"}))):
        unscoped = await circulation.post(f"/v1/loans/{loan['id']}/renewals")
    with circulation.asking(None):
        anonymous = await circulation.post(f"/v1/loans/{loan['id']}/renewals")

    assert (unscoped.status_code, anonymous.status_code) == (403, 401)


async def test_a_patron_overrides_nothing(circulation: Harness, make: Make) -> None:
    patron = await make.patron()
    loan = await make.loan(patron, await make.item())
    body = {"override": {"blocks": ["renewal-limit"], "comment": "please"}}

    with circulation.asking(themselves(patron)):
        answer = await circulation.post(f"/v1/loans/{loan['id']}/renewals", json=body)

    assert answer.status_code == 403


async def test_a_late_renewal_is_charged_once(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item()
    loan = await make.loan(patron, item)
    circulation.at(NOW + 31 * DAY)

    first = await circulation.post(f"/v1/loans/{loan['id']}/renewals", key="late")
    again = await circulation.post(f"/v1/loans/{loan['id']}/renewals", key="late")
    back = await make.take_back(item)

    assert (first.status_code, again.json()) == (201, first.json())
    assert back["fine_minor"] == 0
    assert [event.fee.amount.minor for event in await circulation.announced(FeeCharged)] == [60]
    assert (await make.account(patron))["owed"] == 60


async def test_a_renewal_that_moves_nothing_is_refused(circulation: Harness, make: Make) -> None:
    loan = await make.loan(await make.patron(), await make.item())

    answer = await circulation.post(f"/v1/loans/{loan['id']}/renewals")

    assert codes(answer) == ["due-date-unchanged"]


async def test_others_who_wait_for_it_stand_against_a_renewal(circulation: Harness, make: Make) -> None:
    item = await make.item()
    loan = await make.loan(await make.patron(), item)
    await make.hold(await make.patron(), item)
    circulation.at(NOW + DAY)
    override = {"override": {"blocks": ["holds-wait"], "comment": "thesis"}}

    refused = await circulation.post(f"/v1/loans/{loan['id']}/renewals")
    granted = await circulation.post(f"/v1/loans/{loan['id']}/renewals", json=override)

    assert codes(refused) == ["holds-wait"]
    assert granted.status_code == 201
    assert [event.overridden for event in await circulation.announced(LoanRenewed)] == [("holds-wait",)]


async def test_a_hold_on_another_copy_stands_against_no_renewal(circulation: Harness, make: Make) -> None:
    item = await make.item()
    other = await make.item(title_ids=item.title_ids)
    loan = await make.loan(await make.patron(), item)
    await make.loan(await make.patron(), other)
    placed = await make.place(await make.patron(), item_id=str(other.item_id))
    circulation.at(NOW + DAY)

    renewed = await circulation.post(f"/v1/loans/{loan['id']}/renewals")

    assert (placed.status_code, renewed.status_code) == (201, 201)


async def test_the_comment_of_an_override_does_not_stick_to_the_next_renewal(
    circulation: Harness, make: Make
) -> None:
    loan = await make.loan(await make.patron(), await make.item())
    comment = "SELECT override_comment FROM loan"
    body = {"override": {"blocks": ["renewal-limit"], "comment": "an exception"}}
    circulation.at(NOW + DAY)
    await circulation.post(f"/v1/loans/{loan['id']}/renewals", json=body)
    assert await circulation.resources.pool.fetchval(comment) == "an exception"
    circulation.at(NOW + 2 * DAY)

    await circulation.post(f"/v1/loans/{loan['id']}/renewals")

    assert await circulation.resources.pool.fetchval(comment) is None


async def test_a_renewal_tells_the_loan_as_it_now_stands(circulation: Harness, make: Make) -> None:
    loan = await make.loan(await make.patron(), await make.item())
    policies = [CONFIGURATION["loan_policies"][0] | {"code": "month"}, *CONFIGURATION["loan_policies"]]
    rules = [CONFIGURATION["rules"][0] | {"loan": "month"}, *CONFIGURATION["rules"][1:]]
    await make.configure(loan_policies=policies, rules=rules)
    circulation.at(NOW + DAY)

    renewed = (await circulation.post(f"/v1/loans/{loan['id']}/renewals")).json()

    (event,) = await circulation.announced(LoanRenewed)
    assert (event.loan.policy, event.loan.rules_version, event.loan.renewals) == ("month", 2, 1)
    assert event.loan.due_at.isoformat().replace("+00:00", "Z") == renewed["due_at"]


async def test_a_loan_from_a_desk_that_is_gone_can_be_renewed(circulation: Harness, make: Make) -> None:
    patron = await make.patron()
    loan = await make.loan(patron, await make.item(), service_point_id=str(make.desks["law-desk"]))
    await make.configure(service_points=CONFIGURATION["service_points"][:1])
    circulation.at(NOW + DAY)

    could = (await make.account(patron))["loans"][0]["actions"]["renew"]
    with circulation.asking(themselves(patron)):
        renewed = await circulation.post(f"/v1/loans/{loan['id']}/renewals")

    assert could["allowed"] is True
    assert (renewed.status_code, renewed.json()["due_at"]) == (201, could["new_due_at"])


async def test_a_dry_run_renews_nothing_and_explains(circulation: Harness, make: Make) -> None:
    loan = await make.loan(await make.patron(), await make.item())
    circulation.at(NOW + DAY)

    told = (await circulation.post(f"/v1/loans/{loan['id']}/renewals?dry_run=true&explain=true")).json()

    assert (told["allowed"], told["due_at"]) == (True, "2027-03-30T21:59:59Z")
    assert told["explanation"]["rules"][0]["won"] is True
    assert (await circulation.get(f"/v1/loans/{loan['id']}")).json()["renewals"] == 0


async def test_an_ended_loan_is_not_renewed(circulation: Harness, make: Make) -> None:
    item = await make.item()
    loan = await make.loan(await make.patron(), item)
    await make.take_back(item)

    answer = await circulation.post(f"/v1/loans/{loan['id']}/renewals")

    assert (answer.status_code, codes(answer)) == (409, ["loan-closed"])
