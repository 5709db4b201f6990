"""Claims through the front door: proposed by time, sent, and stopped by whatever comes first."""

from datetime import timedelta
from typing import Any

import pytest

from chassis.principal import Principal
from support.acquiring import NOW, Make
from support.desk import codes
from support.harness import Harness


async def propose(erm: Harness, days: int) -> list[dict[str, Any]]:
    """Let the timer run so many days after the order; what is to be claimed then."""
    erm.at(NOW + timedelta(days=days))
    await erm.tick("propose-claims")
    told: list[dict[str, Any]] = (await erm.get("/v1/claims?state=proposed")).json()["items"]
    return told


async def act(make: Make, claim: dict[str, Any], action: str, **more: Any) -> Any:
    return await make.erm.post(f"/v1/claims/{claim['id']}/actions", json={"action": action} | more)


async def send(make: Make, claim: dict[str, Any]) -> dict[str, Any]:
    answer = await act(make, claim, "send", via="mail")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def late(make: Make, **more: Any) -> dict[str, Any]:
    """An order of which two copies are expected nine days later."""
    fund = await make.budget()
    told = {"quantity": 2, "expected_on": "2027-03-10", "claim_interval_days": 14} | more
    return await make.approved(make.line(fund, "10.00", **told))


async def test_what_did_not_come_is_claimed_again_and_again_until_it_comes(erm: Harness, make: Make) -> None:
    order = await late(make)
    line = order["lines"][0]

    early, first = await propose(erm, 9), await propose(erm, 10)
    twice = await propose(erm, 11)
    sent = await send(make, first[0])
    between, second = await propose(erm, 24), await propose(erm, 25)
    await make.receive(line)
    still = await propose(erm, 25)
    await make.receive(line)
    over = await propose(erm, 400)

    assert line["claim_on"] == "2027-03-11"
    assert (early, between, over) == ([], [], [])
    assert [each["id"] for each in twice] == [each["id"] for each in first] == [sent["id"]]
    assert (sent["state"], sent["number"], sent["missing"], sent["via"]) == ("sent", 1, 2, "mail")
    assert [(each["number"], each["order_number"]) for each in second] == [(2, order["number"])]
    assert [each["id"] for each in still] == [each["id"] for each in second]
    told = (await make.get(f"/v1/order-lines/{line['id']}/claims"))["items"]
    assert {(each["state"], each["stop_reason"]) for each in told} == {
        ("sent", None),
        ("stopped", "not-awaited"),
    }
    assert (await make.get(f"/v1/order-lines/{line['id']}"))["claim_on"] is None


async def test_a_vendor_says_how_long_it_takes_and_how_often_it_is_asked(erm: Harness, make: Make) -> None:
    path = f"/v1/organisations/{make.vendor['id']}"
    tag = {"If-Match": (await erm.get(path)).headers["etag"]}
    terms = {"claim_after_days": 5, "claim_interval_days": 3, "claims_at_most": 2}
    changed = await erm.put(path, json={"code": "BOOKS", "name": "Books Ltd"} | terms, headers=tag)
    assert changed.status_code == 200, changed.text
    order = await late(make, expected_on=None, claim_interval_days=None)

    days = [6, 9, 12, 40]
    found = []
    for day in days:
        proposed = await propose(erm, day)
        found.append(len(proposed))
        for claim in proposed:
            await send(make, claim)

    assert order["lines"][0]["claim_on"] == "2027-03-07"
    assert found == [1, 1, 0, 0]


@pytest.mark.parametrize("what", ["receive", "cancel", "close", "unopen"])
async def test_a_claim_stops_when_the_piece_arrives_or_is_cancelled_before_it_is_sent(
    erm: Harness, make: Make, what: str
) -> None:
    order = await late(make)
    (claim,) = await propose(erm, 10)

    if what == "receive":
        await make.receive(order["lines"][0], 2)
    else:
        await make.act(order, what, reason="x")
    refused = await act(make, claim, "send", via="mail")
    by_hand = await erm.post(f"/v1/order-lines/{order['lines'][0]['id']}/claims", json={"via": "telephone"})

    assert (refused.status_code, codes(refused)[0]) == (409, "claim-state")
    assert by_hand.status_code == 409
    assert await propose(erm, 60) == []


async def test_a_claim_is_put_off_or_withdrawn_or_sent_by_hand(erm: Harness, make: Make) -> None:
    one, two, three = await late(make), await late(make), await late(make)
    by_hand = await make.post(
        f"/v1/order-lines/{three['lines'][0]['id']}/claims", {"via": "telephone", "note": "on its way"}
    )
    claims = {claim["order_id"]: claim for claim in await propose(erm, 10)}

    put_off = await act(make, claims[one["id"]], "put-off", until="2027-05-01")
    withdrawn = await act(make, claims[two["id"]], "withdraw", note="they told us")
    wrong = [await act(make, claims[one["id"]], "send"), await act(make, claims[one["id"]], "put-off")]
    before = await propose(erm, 60)
    after = await propose(erm, 62)
    gone = await propose(erm, 400)

    assert (by_hand["state"], by_hand["number"], set(claims)) == ("sent", 1, {one["id"], two["id"]})
    assert [put_off.json()["stop_reason"], withdrawn.json()["stop_reason"]] == ["put-off", "withdrawn"]
    assert [answer.status_code for answer in wrong] == [422, 422]
    assert {claim["order_id"] for claim in before} == {three["id"]}
    assert {claim["order_id"] for claim in (*after, *gone)} == {one["id"], three["id"]}


async def test_a_piece_that_comes_while_its_claim_is_proposed_or_sent_stops_it_or_was_claimed(
    erm: Harness, make: Make
) -> None:
    order = await late(make)
    (claim,) = await propose(erm, 10)
    path = f"/v1/order-lines/{order['lines'][0]['id']}"

    answers = await make.at_once(
        erm.post(f"{path}/receipts", json={"quantity": 2}),
        act(make, claim, "send", via="mail"),
        act(make, claim, "send", via="edi"),
        erm.tick("propose-claims"),
    )

    sent = [answer for answer in answers[1:3] if answer.status_code == 200]
    assert answers[0].status_code == 201
    assert len(sent) <= 1
    (told,) = (await make.get(f"{path}/claims"))["items"]
    assert told["state"] == ("sent" if sent else "stopped")
    assert await propose(erm, 400) == []


async def test_only_who_orders_claims(erm: Harness, make: Make) -> None:
    order = await late(make)

    with erm.asking(Principal("staff", "reader", frozenset({"orders:read"}))):
        listed = await erm.get("/v1/claims")
        forbidden = await erm.post(f"/v1/order-lines/{order['lines'][0]['id']}/claims", json={"via": "mail"})
    nowhere = await erm.post(f"/v1/order-lines/{order['id']}/claims", json={"via": "mail"})

    assert (listed.status_code, forbidden.status_code, nowhere.status_code) == (200, 403, 404)
