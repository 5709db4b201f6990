"""The account in one call: everything a patron needs to see, by a fixed number of statements."""

from datetime import timedelta

from circulation.patrons.account import AccountOut
from contracts.catalog import ItemWithdrawalRequested
from support.desk import NOW, Make, statements, themselves
from support.harness import Harness


async def test_an_account_tells_loans_holds_fees_and_blocks(circulation: Harness, make: Make) -> None:
    patron, late, wanted = await make.patron(), await make.item(), await make.item()
    await make.loan(patron, late)
    circulation.at(NOW + timedelta(days=30))
    fee = (await make.take_back(late))["fee_id"]
    kept = await make.item(short_title="Kept", short_author="Somebody")
    await make.loan(patron, kept)
    await make.loan(await make.patron(), wanted)
    hold = await make.hold(patron, wanted)
    block = {"actions": ["hold"], "note": "for staff", "message": "Come and see us."}
    await circulation.post(f"/v1/patrons/{patron['id']}/blocks", json=block)

    with circulation.asking(themselves(patron)):
        account = (await circulation.get("/v1/patrons/me/account")).json()

    assert [(loan["title"], loan["overdue"]) for loan in account["loans"]] == [("Kept", False)]
    assert [(each["id"], each["position"], each["queue_length"]) for each in account["holds"]] == [
        (hold["id"], 1, 1)
    ]
    assert [(each["id"], each["remaining"]) for each in account["fees"]] == [(fee, 40)]
    assert [each["message"] for each in account["blocks"]] == ["Come and see us."]
    assert "for staff" not in str(account)
    assert (account["owed"], account["currency"]) == (40, "EUR")


async def test_an_account_is_what_its_document_says(circulation: Harness, make: Make) -> None:
    patron, late, wanted = await make.patron(), await make.item(), await make.item()
    await make.loan(patron, late)
    await make.loan(await make.patron(), wanted)
    await make.hold(patron, wanted)
    block = {"actions": ["renew"], "note": "for staff", "message": "Come and see us."}
    await circulation.post(f"/v1/patrons/{patron['id']}/blocks", json=block)
    circulation.at(NOW + timedelta(days=30))
    await make.take_back(late)
    await make.loan(patron, late)

    account = await make.account(patron)

    assert all(account[name] for name in ("loans", "holds", "fees", "blocks"))
    assert account["loans"][0]["actions"]["renew"]["reasons"]
    assert AccountOut.model_validate(account).model_dump(mode="json") == account


async def test_an_account_costs_the_same_however_long(circulation: Harness, make: Make) -> None:
    patron = await make.patron()
    await make.account(patron)  # a connection learns once what an account is made of
    counted = []

    for more in (1, 3, 9):
        for _ in range(more):
            await make.loan(patron, await make.item())
            await make.hold(patron, await make.item())
        async with statements(circulation) as asked:
            account = await make.account(patron)
        counted.append((len(account["loans"]), len(account["holds"]), len(asked)))

    assert [(loans, holds) for loans, holds, _ in counted] == [(1, 1), (4, 4), (13, 13)]
    assert len({asked for _, _, asked in counted}) == 1
    assert counted[0][2] == 1


async def test_what_the_account_promises_the_renewal_keeps(circulation: Harness, make: Make) -> None:
    patron = await make.patron()
    items = [await make.item() for _ in range(3)]
    for item in items:
        await make.loan(patron, item)
    await make.hold(await make.patron(), items[1])
    circulation.at(NOW + timedelta(days=1))

    loans = (await make.account(patron))["loans"]

    assert sum(loan["actions"]["renew"]["allowed"] for loan in loans) == 2
    for loan in loans:
        promised = loan["actions"]["renew"]
        answer = await circulation.post(f"/v1/loans/{loan['id']}/renewals")
        if promised["allowed"]:
            assert answer.json()["due_at"] == promised["new_due_at"]
        else:
            told = [reason["code"] for reason in answer.json()["reasons"]]
            assert told == [reason["code"] for reason in promised["reasons"]] == ["holds-wait"]


async def test_the_fine_so_far_is_what_the_return_will_charge(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item()
    await make.loan(patron, item)
    circulation.at(NOW + timedelta(days=34, hours=20))

    account = await make.account(patron)
    back = await make.take_back(item)

    assert account["loans"][0]["overdue"] is True
    assert account["accruing"] == back["fine_minor"] > 0


async def test_a_withdrawal_does_not_reach_what_is_on_loan(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item()
    loan = await make.loan(patron, item)
    event = ItemWithdrawalRequested(
        version=1, occurred_at=NOW, withdrawal_id=item.holdings_id, item_id=item.item_id, reason="old"
    )
    await circulation.deliver(event, source="catalog")
    circulation.at(NOW + timedelta(days=1))

    told = (await make.account(patron))["loans"][0]["actions"]["renew"]

    assert told["allowed"] is True
    assert (await circulation.post(f"/v1/loans/{loan['id']}/renewals")).status_code == 201
