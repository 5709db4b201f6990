"""A library whose circulation is not ours: it is told by NCIP, or by staff, and requests go on as with our own."""

import asyncio
from datetime import timedelta
from typing import Any

from chassis.ids import uuid7
from contracts import ncip
from contracts.ill import BorrowedItemArrived, BorrowedItemLeft, PartnerLoanWanted
from support.circulating import Played, agrees, finds_wrong, says
from support.desk import codes
from support.harness import Harness
from support.hosting import ACTS, DUE, HOSTS, acts, arrived, entered, later, lending
from support.lending import NOW, Make
from support.otherlibrary import World

# --- borrowing ---


async def test_what_arrives_is_accepted_by_the_host_and_goes_back_by_its_number(
    ill: Harness, world: World, make: Make, host: Played
) -> None:
    await entered(ill, host, places={"main-desk": "DESK-1"})
    other = await world.other()
    patron = await make.patron()
    host.answer = lambda service, body: (
        says(service, RequestId=body["RequestId"], ItemId=ncip.identifier("Item", "TEMP-7"))
        if service == "AcceptItem"
        else agrees(service, body)
    )

    request = await arrived(world, make, other, patron=patron, pickup="main-desk")
    await host.work(ill)
    await make.act(request, "ship-back")
    await host.work(ill)

    (_, accepted), (_, back) = host.heard
    assert host.told == ["AcceptItem", "CheckInItem"]
    assert accepted["UserId"]["UserIdentifierValue"] == str(patron)
    assert accepted["ItemId"]["ItemIdentifierValue"] == request["number"]
    assert (accepted["PickupLocation"], accepted["DateForReturn"]) == ("DESK-1", DUE.isoformat())
    assert back["ItemId"]["ItemIdentifierValue"] == "TEMP-7"
    assert not await ill.announced(BorrowedItemArrived)
    assert not await ill.announced(BorrowedItemLeft)
    assert [act["state"] for act in await acts(ill, request_id=request["id"])] == ["done", "done"]
    assert (await make.now(request))["attention"] is None


async def test_places_that_no_host_serves_are_told_by_events_as_ever(
    ill: Harness, world: World, make: Make, host: Played
) -> None:
    await entered(ill, host, places={"elsewhere": "E"}, for_the_rest=False)

    request = await arrived(world, make, await world.other(), pickup="main-desk")
    await host.work(ill)
    await make.act(request, "ship-back")

    assert host.heard == []
    assert await acts(ill) == []
    assert len(await ill.announced(BorrowedItemArrived)) == len(await ill.announced(BorrowedItemLeft)) == 1


async def test_what_was_begun_with_one_circulation_is_ended_with_it(
    ill: Harness, world: World, make: Make, host: Played
) -> None:
    other = await world.other()
    ours = await arrived(world, make, other)
    await entered(ill, host)
    await make.act(ours, "ship-back")
    theirs = await arrived(world, make, other)
    answer = await ill.get(f"{HOSTS}/other")
    changed = {
        name: value
        for name, value in answer.json().items()
        if name not in ("code", "has_credentials", "version", "created_at")
    }
    put = await ill.put(
        f"{HOSTS}/other", json=changed | {"active": False}, headers={"If-Match": answer.headers["etag"]}
    )
    assert put.status_code == 200, put.text
    await make.act(theirs, "ship-back")
    await host.work(ill)

    assert host.told == ["AcceptItem", "CheckInItem"]
    assert len(await ill.announced(BorrowedItemLeft)) == 1


async def test_a_refusal_is_a_task_that_is_tried_again_and_what_follows_waits_for_it(
    ill: Harness, world: World, make: Make, host: Played
) -> None:
    await entered(ill, host)
    host.answer = lambda service, _: finds_wrong(service, "Cannot Accept Item")
    request = await arrived(world, make, await world.other())
    await host.work(ill)
    await make.act(request, "ship-back")
    await host.work(ill)
    (task,) = await acts(ill, state="staff")
    before = host.told[:]
    shown = (await make.now(request))["attention"]

    host.answer = agrees
    answer = await ill.post(f"{ACTS}/{task['id']}/actions", json={"action": "retry"})
    await host.work(ill)

    assert answer.status_code == 200, answer.text
    assert before == ["AcceptItem"]
    assert (task["reason"], shown) == ("cannot-accept-item", "host-to-be-told")
    problem = task["answer"]["AcceptItemResponse"]["Problem"][0]
    assert problem == {"ProblemType": "Cannot Accept Item", "ProblemDetail": "in words"}
    assert host.told == ["AcceptItem", "AcceptItem", "CheckInItem"]
    assert (await make.now(request))["attention"] is None


async def test_what_was_never_accepted_does_not_leave(
    ill: Harness, world: World, make: Make, host: Played
) -> None:
    await entered(ill, host)
    host.answer = lambda service, _: finds_wrong(service, "Cannot Accept Item")
    request = await arrived(world, make, await world.other())
    await host.work(ill)
    (task,) = await acts(ill, state="staff")

    answer = await ill.post(
        f"{ACTS}/{task['id']}/actions", json={"action": "refuse", "reason": "no-such-reader"}
    )
    shown = await make.now(request)
    await make.act(request, "ship-back")
    await host.work(ill)

    assert answer.json()["state"] == "refused"
    assert shown["attention"] == "hold-not-placed"
    assert host.told == ["AcceptItem"]
    assert [act["state"] for act in await acts(ill)] == ["refused", "done"]


async def test_a_patron_is_looked_up_at_the_host_and_a_silent_one_holds_nobody_up(
    ill: Harness, world: World, make: Make, host: Played
) -> None:
    await make.configure(patron_check="ask")
    await entered(ill, host)
    await world.other()
    blocked = {"BlockOrTrap": [{"AgencyId": "HOST", "BlockOrTrapType": "Block Check Out"}]}
    host.answer = lambda service, body: says(service, UserId=body["UserId"], UserOptionalFields=blocked)
    stopped = await make.request()
    await host.work(ill)
    host.answer = lambda service, _: finds_wrong(service, "Odd Trouble")
    refused = await make.request()
    await host.work(ill)

    host.answer = lambda *_: 503
    unheard = await make.request()
    await host.work(ill)
    waiting = (await make.now(unheard))["state"]
    await later(ill, host, 1)

    now = await make.now(stopped)
    assert (now["state"], now["holding"]["stops"]) == ("invalid-patron", ["block-check-out"])
    assert (await make.now(refused))["holding"]["stops"] == ["odd-trouble"]
    assert waiting == "checking-patron"
    assert (await make.now(unheard))["state"] == "sent"
    assert await acts(ill, state="staff") == []


async def test_as_whom_a_host_knows_somebody_is_sealed_and_what_is_missing_is_for_staff(
    ill: Harness, world: World, make: Make, host: Played
) -> None:
    await entered(ill, host, patrons="mapped")
    patron = await make.patron()
    request = await arrived(world, make, await world.other(), patron=patron)
    await host.work(ill)
    (task,) = await acts(ill, state="staff")

    assert (await ill.put(f"{HOSTS}/other/users/{patron}", json={"user": "20000001"})).status_code == 204
    await ill.post(f"{ACTS}/{task['id']}/actions", json={"action": "retry"})
    await host.work(ill)

    assert task["reason"] == "user-not-mapped"
    assert host.heard[0][1]["UserId"]["UserIdentifierValue"] == "20000001"
    assert (await ill.get(f"{HOSTS}/other/users")).json()["items"] == [{"ref": str(patron)}]
    rows = await ill.resources.pool.fetch("SELECT a::text AS told FROM host_act a")
    rows += await ill.resources.pool.fetch("SELECT u::text AS told FROM host_user u")
    assert not any("20000001" in row["told"] for row in rows)
    assert request["number"] in rows[0]["told"]
    assert (await ill.delete(f"{HOSTS}/other/users/{patron}")).status_code == 204
    assert (await ill.get(f"{HOSTS}/other/users")).json()["items"] == []


# --- lending ---


async def test_a_partners_item_is_requested_lent_and_taken_back_at_the_host(
    ill: Harness, world: World, make: Make, host: Played
) -> None:
    await entered(ill, host)
    other, asked = await lending(ill, world, make)
    await make.act(asked, "reserve", item_barcode="31")
    await host.work(ill)
    kept = await make.now(asked)
    await make.act(asked, "will-supply")
    await make.act(asked, "ship", due_at=DUE.isoformat())
    await host.work(ill)
    shipped = await make.now(asked)
    await make.act(asked, "recall", due_at=(NOW + timedelta(days=10)).isoformat())
    await make.act(asked, "receive-back")
    await host.work(ill)
    await world.deliver()

    (_, requested), (_, lent), (_, recalled), (_, back) = host.heard
    assert host.told == ["RequestItem", "CheckOutItem", "RecallItem", "CheckInItem"]
    assert (kept["item_barcode"], kept["holding"]["call_number"]) == ("31", "QB 1")
    assert requested["UserId"]["UserIdentifierValue"] == "PARTNERS"
    assert lent["RequestId"] == requested["RequestId"]
    assert lent["DesiredDateDue"] == DUE.isoformat()
    assert (shipped["state"], shipped["due_at"]) == ("shipped", DUE.isoformat().replace("+00:00", "Z"))
    assert recalled["DesiredDateDue"] == (NOW + timedelta(days=10)).isoformat()
    assert back["ItemId"]["ItemIdentifierValue"] == "31"
    assert (await make.now(asked))["state"] == "complete"
    assert other.asked[-1] == "StatusChange LoanCompleted"
    assert await ill.announced(PartnerLoanWanted) == []


async def test_a_loan_that_the_host_refuses_leaves_the_request_where_it_was(
    ill: Harness, world: World, make: Make, host: Played
) -> None:
    await entered(ill, host)
    _, asked = await lending(ill, world, make)
    await make.act(asked, "reserve", item_barcode="31")
    await host.work(ill)
    await make.act(asked, "will-supply")
    host.answer = lambda service, _: finds_wrong(service, "User Blocked")
    await make.act(asked, "ship", due_at=DUE.isoformat())
    await host.work(ill)

    now = await make.now(asked)
    assert (now["state"], now["attention"]) == ("will-supply", "check-out-refused")
    assert now["holding"]["reasons"] == ["patron-blocked"]
    assert [act["state"] for act in await acts(ill)] == ["done", "refused"]


async def test_what_is_kept_is_let_go_and_what_was_never_told_is_not_taken_back(
    ill: Harness, world: World, make: Make, host: Played
) -> None:
    await entered(ill, host)
    _, asked = await lending(ill, world, make)
    await make.act(asked, "reserve", item_barcode="31")
    await make.act(asked, "reserve", item_barcode="32")  # the first was not told yet
    await host.work(ill)
    await make.act(asked, "reserve", item_barcode="33")  # the second is let go
    await host.work(ill)
    await make.act(asked, "cannot-supply", reason="NotOnShelf")
    await host.work(ill)

    requests = {body["RequestId"]["RequestIdentifierValue"] for _, body in host.heard}
    assert host.told == ["RequestItem", "CancelRequestItem", "RequestItem", "CancelRequestItem"]
    assert [body["ItemId"][0]["ItemIdentifierValue"] for s, body in host.heard if s == "RequestItem"] == [
        "32",
        "33",
    ]
    assert len(requests) == 2
    assert await acts(ill, state="staff") == []


async def test_a_record_that_the_partner_names_is_requested_and_an_unnamed_one_is_for_staff(
    ill: Harness, world: World, make: Make, host: Played
) -> None:
    await entered(ill, host)
    _, asked = await lending(ill, world, make)
    await make.act(asked, "reserve", title_id=str(uuid7()))
    await host.work(ill)
    (task,) = await acts(ill, state="staff")

    answer = await ill.post(f"{ACTS}/{task['id']}/actions", json={"action": "done", "item_barcode": "44"})

    assert (task["reason"], task["title"]) == ("title-not-known", "Rivers of the Northern Plain")
    assert answer.status_code == 200, answer.text
    assert (await make.now(asked))["item_barcode"] == "44"
    assert host.heard == []


# --- by hand ---


async def test_staff_do_by_hand_what_a_host_without_a_protocol_needs_and_tick_it_off(
    ill: Harness, world: World, make: Make, host: Played
) -> None:
    await entered(ill, host, way="manual", address=None, our_agency=None, their_agency=None)
    _, asked = await lending(ill, world, make)
    await make.act(asked, "reserve", title_id=str(uuid7()))
    await host.work(ill)
    (keep,) = await acts(ill, state="staff")
    await ill.post(f"{ACTS}/{keep['id']}/actions", json={"action": "done", "item_barcode": "31"})
    await make.act(asked, "will-supply")
    await make.act(asked, "ship", due_at=DUE.isoformat())
    await host.work(ill)
    (lend,) = await acts(ill, state="staff")
    key = str(uuid7())
    twice = [
        await ill.post(
            f"{ACTS}/{lend['id']}/actions",
            key=key,
            json={"action": "done", "due_at": (DUE - timedelta(days=1)).isoformat()},
        )
        for _ in range(2)
    ]
    late = await ill.post(f"{ACTS}/{lend['id']}/actions", json={"action": "retry"})

    now = await make.now(asked)
    assert (keep["reason"], lend["item_barcode"]) == ("by-hand", "31")
    assert [answer.status_code for answer in twice] == [200, 200]
    assert (now["state"], now["due_at"]) == (
        "shipped",
        (DUE - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    assert (late.status_code, codes(late)) == (409, ["act-not-for-staff"])
    assert (await ill.get(f"{ACTS}/{lend['id']}")).json()["settled_by"].startswith("staff:")


async def test_two_at_the_desk_tick_it_off_once(ill: Harness, world: World, make: Make, host: Played) -> None:
    await entered(ill, host, way="manual", address=None, our_agency=None, their_agency=None)
    await arrived(world, make, await world.other())
    await host.work(ill)
    (task,) = await acts(ill, state="staff")

    answers = await asyncio.gather(
        ill.post(f"{ACTS}/{task['id']}/actions", json={"action": "done"}),
        ill.post(f"{ACTS}/{task['id']}/actions", json={"action": "refuse", "reason": "gone"}),
    )

    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_what_does_not_belong_to_an_act_is_told_at_once(
    ill: Harness, world: World, make: Make, host: Played
) -> None:
    answer = await ill.post(
        f"{ACTS}/{uuid7()}/actions", json={"action": "refuse", "item_barcode": "1", "due_at": DUE.isoformat()}
    )
    missing = await ill.post(f"{ACTS}/{uuid7()}/actions", json={"action": "done"})

    assert answer.status_code == 422
    assert codes(answer) == ["value-unwanted", "value-unwanted", "value-missing"]
    assert missing.status_code == 404
    assert (await ill.get(f"{ACTS}/{uuid7()}")).status_code == 404
    assert (await ill.get(ACTS, params={"cursor": "odd"})).status_code == 422


# --- hosts as data ---


async def test_one_place_is_served_by_one_host(ill: Harness, make: Make, host: Played) -> None:
    await entered(ill, host, places={"a": "A"})

    same = await ill.post(HOSTS, json=body_of(host, "other", places={"b": "B"}))
    place = await ill.post(HOSTS, json=body_of(host, "third", places={"a": "A"}))
    rest = await ill.post(HOSTS, json=body_of(host, "third", for_the_rest=True))
    raced = await asyncio.gather(
        *(ill.post(HOSTS, json=body_of(host, f"h{n}", places={"c": "C"})) for n in range(4))
    )

    assert [answer.json()["reasons"][0]["pointer"] for answer in (same, place, rest)] == [
        "/code",
        "/places",
        "/for_the_rest",
    ]
    assert sorted(answer.status_code for answer in raced) == [201, 409, 409, 409]
    assert len((await ill.get(HOSTS)).json()["items"]) == 2


def body_of(host: Played, code: str, **more: Any) -> dict[str, Any]:
    told = {"code": code, "name": code, "address": host.address, "our_agency": "I", "their_agency": "H"}
    return told | more


async def test_secrets_go_in_sealed_and_prove_us_to_the_host(
    ill: Harness, world: World, make: Make, host: Played
) -> None:
    await entered(ill, host)
    proof = {"account": "ill", "token": "s3cret", "security_code": "c0de"}
    wrong = await ill.put(f"{HOSTS}/other/credentials", json={"account": "ill"})
    kept = await ill.put(f"{HOSTS}/other/credentials", json=proof)
    await arrived(world, make, await world.other())
    await host.work(ill)

    assert (wrong.status_code, kept.status_code) == (422, 204)
    assert (await ill.get(f"{HOSTS}/other")).json()["has_credentials"] is True
    assert host.headers[0]["Authorization"] == "Basic aWxsOnMzY3JldA=="
    assert host.heard[0][1]["InitiationHeader"]["FromAgencyAuthentication"] == "c0de"
    told = await ill.resources.pool.fetchval("SELECT string_agg(h::text, '') FROM circulation_host h")
    assert "s3cret" not in told
    assert "c0de" not in str(await acts(ill))


async def test_a_host_within_our_own_walls_is_refused_unless_the_operator_allows_it(
    ill: Harness, make: Make, host: Played
) -> None:
    for address in ("http://10.0.0.1/ncip", "http://host.example/ncip", "https://user:x@host.example/"):
        answer = await ill.post(HOSTS, json=body_of(host, "h", for_the_rest=True) | {"address": address})
        assert (answer.status_code, answer.json()["reasons"][0]["pointer"]) == (422, "/address")

    nothing = await ill.post(HOSTS, json={"code": "h", "name": "h"})
    assert nothing.status_code == 422
    assert (await ill.get(f"{HOSTS}/h")).status_code == 404


async def test_what_hosts_were_told_is_forgotten_with_its_request(
    ill: Harness, world: World, make: Make, host: Played
) -> None:
    await entered(ill, host)
    request = await arrived(world, make, await world.other())
    await host.work(ill)
    await make.act(request, "close", note="enough")
    await host.work(ill)

    ill.at(NOW + timedelta(days=364))
    await ill.tick("forget-acts")
    before = len(await acts(ill))
    ill.at(NOW + timedelta(days=366))
    await ill.tick("forget-acts")

    assert (before, await acts(ill)) == (2, [])
