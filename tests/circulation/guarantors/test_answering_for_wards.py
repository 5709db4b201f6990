"""A parent answers for a child: debts stand in their way, loans stay the child's own affair, and it ends."""

from datetime import timedelta
from typing import Any

from contracts.circulation import PatronGuarantorNamed, PatronGuarantorReleased
from support.desk import CONFIGURATION, NOW, Make, codes, pointers, themselves
from support.harness import Harness

LIMITED = [
    group | {"limits": {action: {"wards_balance": 500} for action in ("borrow", "renew", "hold")}}
    for group in CONFIGURATION["patron_groups"]
]
SETTINGS: dict[str, Any] = {
    "patron_groups": LIMITED,
    "fee_types": [{"code": "printing", "name": "Printing"}],
    "registration": {"birth_date": True, "guarantors_until_age": 18},
}


async def named(circulation: Harness, ward: dict[str, Any], guarantor: dict[str, Any], **more: Any) -> Any:
    body = {"guarantor_id": guarantor["id"]} | more
    return await circulation.post(f"/v1/patrons/{ward['id']}/guarantors", json=body)


async def owes(circulation: Harness, patron: dict[str, Any], minor: int) -> None:
    body = {"patron_id": patron["id"], "type": "printing", "amount": minor}
    answer = await circulation.post("/v1/fees", json=body)
    assert answer.status_code == 201, answer.text


async def test_what_wards_owe_stands_in_the_guarantors_way_until_it_ends(
    circulation: Harness, make: Make
) -> None:
    await make.configure(**SETTINGS)
    parent, item, kept = await make.patron(), await make.item(), await make.item()
    children = [await make.patron(birth_on="2015-06-01"), await make.patron()]
    loan = await make.loan(parent, kept)
    relations = [(await named(circulation, child, parent)).json() for child in children]
    for child in children:
        await owes(circulation, child, 300)

    lent = await make.lend(parent, item)
    renewed = await circulation.post(f"/v1/loans/{loan['id']}/renewals", json={})
    placed = await make.place(parent, title_id=str(item.title_ids[0]))
    account = await make.account(parent)
    of_child = await make.lend(children[0], item)
    await make.take_back(item)
    gone = await circulation.delete(f"/v1/patrons/{children[1]['id']}/guarantors/{relations[1]['id']}")
    again = await circulation.delete(f"/v1/patrons/{children[1]['id']}/guarantors/{relations[1]['id']}")
    free = await make.lend(parent, item)

    assert [codes(answer) for answer in (lent, placed)] == [["wards-owe"]] * 2
    assert "wards-owe" in codes(renewed)
    (reason,) = lent.json()["reasons"]
    assert (reason["value"], reason["limit"]) == (600, 500)
    assert [limit["code"] for limit in account["limits"]] == ["wards-owe"] * 3
    assert of_child.status_code == 201
    assert (relations[0]["ends_on"], relations[1]["ends_on"]) == ("2033-06-01", None)
    assert (gone.status_code, again.status_code, free.status_code) == (204, 204, 201)
    assert len(await circulation.announced(PatronGuarantorNamed)) == 2
    assert len(await circulation.announced(PatronGuarantorReleased)) == 1


async def test_it_ends_by_itself_when_the_ward_comes_of_age(circulation: Harness, make: Make) -> None:
    await make.configure(**SETTINGS)
    parent, child, item = await make.patron(), await make.patron(birth_on="2009-03-03"), await make.item()
    await named(circulation, child, parent)
    await owes(circulation, child, 600)

    before = await make.lend(parent, item)
    circulation.at(NOW + timedelta(days=2))
    after = await make.lend(parent, item)
    wards = (await circulation.get(f"/v1/patrons/{parent['id']}/wards")).json()["items"]
    born = {"birth_on": "2012-01-01"}
    await circulation.patch(f"/v1/patrons/{child['id']}", json=born, headers={"If-Match": '"1"'})
    moved = (await circulation.get(f"/v1/patrons/{parent['id']}/wards")).json()["items"]

    assert (codes(before), after.status_code) == (["wards-owe"], 201)
    assert [(ward["in_force"], ward["ends_on"]) for ward in wards + moved] == [
        (False, "2027-03-03"),
        (True, "2030-01-01"),
    ]


async def test_a_guarantor_sees_a_wards_account_only_while_the_ward_agrees(
    circulation: Harness, make: Make
) -> None:
    await make.configure(**SETTINGS)
    parent, child, stranger = await make.patron(), await make.patron(), await make.patron()
    relation = (await named(circulation, child, parent)).json()
    await make.loan(child, await make.item())
    account = f"/v1/patrons/{child['id']}/account"

    async def seen_by(patron: dict[str, Any]) -> int:
        with circulation.asking(themselves(patron)):
            return (await circulation.get(account)).status_code

    async def share(patron: dict[str, Any], shared: bool) -> int:
        path = f"/v1/patrons/{child['id']}/guarantors/{relation['id']}/sharing"
        with circulation.asking(themselves(patron)):
            return (await circulation.put(path, json={"shared": shared})).status_code

    seen = [await seen_by(parent)]
    tried = await share(parent, True)
    agreed = await share(child, True)
    seen += [await seen_by(parent), await seen_by(stranger)]
    with circulation.asking(themselves(parent)):
        registration = await circulation.get(f"/v1/patrons/{child['id']}")
    await share(child, False)
    seen.append(await seen_by(parent))

    assert (tried, agreed) == (404, 200)
    assert seen == [404, 200, 404, 404]
    assert registration.status_code == 404


async def test_who_cannot_answer_for_a_patron_is_told_every_reason(circulation: Harness, make: Make) -> None:
    await make.configure(**SETTINGS)
    parent, child = await make.patron(birth_on="2012-01-01"), await make.patron(birth_on="1999-01-01")
    over = {"until_on": "2027-03-01"}

    refused = await named(circulation, child, parent)
    oneself = await named(circulation, child, child)
    late = await named(circulation, child, parent, **over)
    unknown = await circulation.post(
        f"/v1/patrons/{child['id']}/guarantors", json={"guarantor_barcode": "no such card"}
    )

    assert codes(refused) == ["guarantor-under-age", "ward-of-age"]
    assert codes(oneself) == ["guarantor-is-ward", "ward-of-age"]
    assert (pointers(late), pointers(unknown)) == (["/until_on"], ["/guarantor_barcode"])


async def test_a_merged_ward_is_answered_for_once_and_nobody_for_themselves(
    circulation: Harness, make: Make
) -> None:
    await make.configure(**SETTINGS)
    parent, again, child, twin = [await make.patron() for _ in range(4)]
    for ward, guarantor in ((child, parent), (twin, parent), (child, again)):
        assert (await named(circulation, ward, guarantor)).status_code == 201
    await owes(circulation, twin, 600)

    for into, old in ((child, twin), (parent, again)):
        answer = await circulation.post(f"/v1/patrons/{into['id']}/merges", json={"merged": [old["id"]]})
        assert answer.status_code == 201, answer.text
    wards = (await circulation.get(f"/v1/patrons/{parent['id']}/wards")).json()["items"]
    lent = await make.lend(parent, await make.item())
    await circulation.post(f"/v1/patrons/{parent['id']}/merges", json={"merged": [child["id"]]})
    counted = await circulation.resources.pool.fetchval("SELECT wards FROM patron")

    assert [ward["ward_id"] for ward in wards] == [child["id"]]
    assert codes(lent) == ["wards-owe"]
    assert counted == 0
