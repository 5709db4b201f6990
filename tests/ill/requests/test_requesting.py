"""Patrons and staff ask for what the library does not have."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from chassis.ids import uuid7
from chassis.principal import Principal
from contracts.circulation import PatronBlockAdded, PatronBlockRemoved
from contracts.ill import RequestPlaced, RequestProgressed
from support.desk import codes, pointers
from support.harness import Harness
from support.lending import ARTICLE, BOOK, NOW, Make, themselves
from support.otherlibrary import World

DAY = timedelta(days=1)


async def test_a_request_goes_to_the_first_partner_and_tells_of_every_step(ill: Harness, make: Make) -> None:
    await make.partner("XX-SUPA", rank=2)
    await make.partner("XX-SUPB", rank=1)

    request = await make.request()

    assert request["number"] == "ILL-000001"
    assert (request["state"], request["says"]) == ("sent", "Another library was asked.")
    assert await make.rota(request) == [("XX-SUPB", "active", None), ("XX-SUPA", "waiting", None)]
    assert await make.steps(request) == ["placed", "checks-passed", "supplier-found", "send"]
    told = await ill.announced(RequestProgressed)
    assert [event.version for event in [*await ill.announced(RequestPlaced), *told]] == [1, 2]
    assert told[0].request.state == "sent"
    assert told[0].request.partner_id == UUID(make.partners["XX-SUPB"]["id"])


async def test_a_patron_asks_in_person_and_sees_their_own_alone(ill: Harness, make: Make) -> None:
    await make.partner()
    patron = uuid4()
    with ill.asking(themselves(patron)):
        mine = await make.request(patron)
        answer = await make.place(uuid4())
        seen = (await ill.get("/v1/ill/requests")).json()["items"]
        steps = (await ill.get(f"/v1/ill/requests/{mine['id']}/steps")).json()["items"]
        possible = (await ill.get(f"/v1/ill/requests/{mine['id']}/actions")).json()
        forbidden = await make.try_to(mine, "receive")
    with ill.asking(themselves(uuid4())):
        hidden = await ill.get(f"/v1/ill/requests/{mine['id']}")
        untouched = await make.try_to(mine, "cancel")

    assert mine["patron_id"] == str(patron)
    assert answer.status_code == 403
    assert [each["id"] for each in seen] == [mine["id"]]
    assert steps[-1]["actor"] is None
    assert {each["action"] for each in possible["actions"]} == {
        "cancel",
        "renew",
        "take-open-access",
        "read-online",
        "decline-online",
        "decline-open-access",
    }
    assert (forbidden.status_code, codes(forbidden)) == (422, ["action-unknown"])
    assert (hidden.status_code, untouched.status_code) == (404, 404)


async def test_everything_wrong_with_a_wish_is_told_at_once(make: Make) -> None:
    wrong = BOOK | {"isbn": "978-0-306-40615-8", "issn": "1234-5678"}

    answer = await make.place(citation=wrong, need_before=(NOW - DAY).isoformat())

    assert answer.status_code == 422
    assert pointers(answer) == ["/citation/isbn", "/citation/issn", "/need_before"]


async def test_a_blocked_patron_is_looked_into_until_the_block_is_lifted(ill: Harness, make: Make) -> None:
    await make.partner()
    patron, block = await make.patron(), uuid7()
    await ill.deliver(
        PatronBlockAdded(version=1, occurred_at=NOW, block_id=block, patron_ref=patron, actions=("borrow",)),
        source="circulation",
    )

    request = await make.request(patron)
    again = await make.act(request, "check-again")
    lifted = PatronBlockRemoved(version=2, occurred_at=NOW, block_id=block, patron_ref=patron)
    await ill.deliver(lifted, source="circulation")

    assert (request["state"], again["state"]) == ("invalid-patron", "invalid-patron")
    assert (await make.act(request, "check-again"))["state"] == "sent"


async def test_a_patron_nobody_has_heard_of_is_looked_into_and_staff_may_go_on(make: Make) -> None:
    await make.partner()

    request = await make.request(uuid4())

    assert request["state"] == "invalid-patron"
    assert (await make.act(request, "approve"))["state"] == "sent"


async def test_the_same_wish_again_and_a_thin_one_are_looked_into(make: Make) -> None:
    await make.partner()
    patron = await make.patron()
    await make.request(patron)

    again = await make.request(patron, citation=BOOK | {"isbn": "9780306406157", "title": "Rivers"})
    thin = await make.request(patron, citation={"author": "Okafor"})

    assert (again["state"], thin["state"]) == ("duplicate-review", "review")


async def test_a_wish_is_the_same_within_its_days_and_of_its_kind_alone(ill: Harness, make: Make) -> None:
    await make.configure(duplicate_days=10)
    await make.partner()
    patron = await make.patron()
    await make.request(patron)
    kind = await make.request(patron, service="copy-or-loan")
    ill.at(NOW + 10 * DAY - timedelta(minutes=1))
    again = await make.request(patron)
    approved = await make.act(again, "approve")

    ill.at(NOW + 30 * DAY)
    later = await make.request(await make.patron())
    await make.configure(duplicate_days=10, max_open_requests=9)
    anew = await make.request(patron)

    assert (kind["state"], again["state"]) == ("sent", "duplicate-review")
    assert approved["state"] == "sent"  # staff have said that it is meant
    assert (later["state"], anew["state"]) == ("sent", "sent")


async def test_requests_are_numbered_as_the_library_numbers_them(make: Make) -> None:
    await make.partner()
    await make.configure(number_prefix="FL-")
    first = await make.request()
    wrong = await make.configure(number_prefix="no spaces")

    assert first["number"] == "FL-000001"
    assert (wrong.status_code, pointers(wrong)) == (422, ["/number_prefix"])


async def test_who_has_lent_less_than_they_took_is_asked_first(
    ill: Harness, world: World, make: Make
) -> None:
    others = {symbol: await world.other(symbol) for symbol in ("XX-SUPA", "XX-SUPB")}
    due = (NOW + 30 * DAY).isoformat()
    first = []
    for volume in range(4):
        request = await make.request(citation={"title": f"Volume {volume}"})
        first.append((await make.rota(request))[0][0])
        await world.deliver()
        await others[first[-1]].says("Loaned", "RequestResponse", dueDate=due)
        await make.act(request, "receive")
    await others["XX-SUPB"].asks("T1")  # and takes one of ours
    (theirs,) = (await ill.get("/v1/ill/requests?side=lending")).json()["items"]
    await make.act(theirs, "ship", due_at=due)
    first.append((await make.rota(await make.request()))[0][0])

    assert first == ["XX-SUPA", "XX-SUPB", "XX-SUPA", "XX-SUPB", "XX-SUPB"]


async def test_as_many_requests_as_are_allowed_and_no_more_even_at_once(make: Make) -> None:
    await make.partner()
    patron = await make.patron()

    told = await asyncio.gather(
        *(make.request(patron, citation={"title": f"Volume {number}"}) for number in range(6))
    )

    assert sorted(request["state"] for request in told) == ["over-limit"] * 3 + ["sent"] * 3


async def test_a_wish_sent_twice_is_one(ill: Harness, make: Make) -> None:
    await make.partner()
    patron = await make.patron()

    one, other = await asyncio.gather(*(make.place(patron, key="once") for _ in range(2)))

    assert one.json() == other.json()
    assert len((await ill.get("/v1/ill/requests")).json()["items"]) == 1


async def test_partners_that_cannot_are_skipped_with_the_reason_and_the_last_resort_comes_last(
    make: Make,
) -> None:
    today = NOW.date().isoformat()
    await make.partner("XX-LAST", last_resort=True, rank=0)
    await make.partner("XX-CLSD", rank=1, closed_from=today, closed_until=today)
    await make.partner("XX-BOOK", rank=2, lends_copies=False)
    await make.partner("XX-GONE", rank=0, active=False)

    request = await make.request(service="copy", citation=ARTICLE)

    assert await make.rota(request) == [
        ("XX-CLSD", "skipped", "closed"),
        ("XX-BOOK", "skipped", "does-not-lend-this"),
        ("XX-LAST", "active", None),
    ]


async def test_a_rota_that_ends_can_be_gone_through_again(make: Make) -> None:
    await make.partner("XX-SUPA", rank=1)
    await make.partner("XX-SUPB", rank=2)
    request = await make.request()

    passed = await make.act(request, "pass-over", note="they never answer")
    ended = await make.act(request, "pass-over")

    assert (passed["state"], ended["state"]) == ("sent", "end-of-rota")
    assert [(state, reason) for _, state, reason in await make.rota(request)] == [("left", "pass-over")] * 2
    assert (await make.act(request, "search-again"))["state"] == "sent"
    assert (await make.rota(request))[0][:2] == ("XX-SUPA", "active")


async def test_two_at_the_desk_pass_a_supplier_over_and_one_is_active(ill: Harness, make: Make) -> None:
    for rank, symbol in enumerate(("XX-SUPA", "XX-SUPB", "XX-SUPC", "XX-SUPD")):
        await make.partner(symbol, rank=rank)
    request = await make.request()

    await asyncio.gather(*(make.try_to(request, "pass-over") for _ in range(2)))

    states = [state for _, state, _ in await make.rota(request)]
    assert states == ["left", "left", "active", "waiting"]
    with pytest.raises(asyncpg.UniqueViolationError, match="rota_one_active_supplier"):
        await ill.resources.pool.execute("UPDATE rota_entry SET state = 'active'")


async def test_staff_put_suppliers_into_their_own_order(ill: Harness, make: Make) -> None:
    await make.configure(send="by-hand")
    for rank, symbol in enumerate(("XX-SUPA", "XX-SUPB", "XX-SUPC")):
        await make.partner(symbol, rank=rank)
    request = await make.request()
    path = f"/v1/ill/requests/{request['id']}/rota"
    wish = {"partner_ids": [make.partners["XX-SUPC"]["id"]]}

    stale = await ill.put(path, json=wish, headers={"If-Match": '"1"'})
    done = await ill.put(path, json=wish, headers={"If-Match": f'"{request["version"]}"'})
    unknown = await ill.put(
        path, json={"partner_ids": [str(uuid4())]}, headers={"If-Match": f'"{request["version"] + 1}"'}
    )

    sent = [await make.act(request, "send"), await make.act(request, "pass-over")]
    assert request["state"] == "supplier-identified"
    assert [each["state"] for each in sent] == ["sent", "supplier-identified"]
    assert [state for _, state, _ in await make.rota(request)] == ["left", "active", "waiting"]
    assert (stale.status_code, done.status_code, unknown.status_code) == (412, 200, 404)
    assert [each["symbol"] for each in done.json()["items"]] == ["XX-SUPA", "XX-SUPC", "XX-SUPB"]
    assert pointers(unknown) == ["/partner_ids/0"]


async def test_a_request_is_changed_until_a_supplier_is_asked(ill: Harness, make: Make) -> None:
    await make.configure(send="by-hand")
    await make.partner()
    request = await make.request()
    path = f"/v1/ill/requests/{request['id']}"

    bare = await ill.patch(path, json={"note": "x"})
    change = {"note": "x", "need_before": "2027-03-05T09:00:00Z"}
    told = await ill.patch(path, json=change, headers={"If-Match": f'"{request["version"]}"'})
    sent = await make.act(request, "send")
    late = await ill.patch(path, json={"service": "copy"}, headers={"If-Match": f'"{sent["version"]}"'})

    assert (bare.status_code, told.status_code, late.status_code) == (428, 200, 409)
    assert told.json()["version"] == request["version"] + 1
    assert told.json()["look_at"] == "2027-03-05T09:00:00Z"
    assert codes(late) == ["request-sent"]
    assert [event.version for event in await ill.announced(RequestProgressed)] == [2, 3, 4]


async def test_what_can_be_done_is_explained_with_every_reason(ill: Harness, make: Make) -> None:
    await make.partner(days_to_respond=2)
    request = await make.request()

    told = (await ill.get(f"/v1/ill/requests/{request['id']}/actions")).json()

    actions = {each["action"]: each for each in told["actions"]}
    assert actions["cancel"]["possible"]
    assert actions["cancel"]["leads_to"] == "cancel-pending"
    assert [reason["code"] for reason in actions["ship-back"]["reasons"]] == [
        "state-forbids",
        "not-received-yet",
    ]
    assert actions["note"]["needs"] == ["note"]
    assert told["waits_for"] == "supplier-silent"
    assert told["at"] == "2027-03-03T09:00:00Z"
    refused = await make.try_to(request, "ship-back")
    assert (refused.status_code, codes(refused)) == (409, ["state-forbids", "not-received-yet"])


async def test_an_action_is_told_what_it_needs_and_nothing_else(make: Make) -> None:
    await make.partner()
    request = await make.request()

    answer = await make.try_to(request, "note", due_at=NOW.isoformat())

    assert (codes(answer), pointers(answer)) == (["value-missing", "value-unwanted"], ["/note", "/due_at"])


async def test_a_silent_supplier_is_left_when_its_days_are_over(ill: Harness, make: Make) -> None:
    await make.partner("XX-SUPA", rank=1, days_to_respond=1)
    await make.partner("XX-SUPB", rank=2)
    request = await make.request()

    await ill.tick("watch-requests")
    early = await make.rota(request)
    ill.at(NOW + DAY)
    await ill.tick("watch-requests")

    assert early[0] == ("XX-SUPA", "active", None)
    assert await make.rota(request) == [("XX-SUPA", "left", "supplier-silent"), ("XX-SUPB", "active", None)]


async def test_what_was_needed_before_a_day_is_not_asked_for_after_it(ill: Harness, make: Make) -> None:
    await make.partner(days_to_respond=5)
    request = await make.request(need_before=(NOW + DAY).isoformat())
    unfound = await make.request(need_before=(NOW + DAY).isoformat(), citation={"author": "Okafor"})

    ill.at(NOW + 2 * DAY)
    await ill.tick("watch-requests")

    assert [(await make.now(one))["state"] for one in (request, unfound)] == ["expired", "expired"]
    assert await make.rota(request) == [("XX-SUPA", "left", "need-passed")]


async def test_without_a_symbol_nothing_is_sent_and_staff_are_told(ill: Harness) -> None:
    ill.at(NOW)
    make = Make(ill)
    await make.partner()

    request = await make.request()
    answer = await make.try_to(request, "send")

    assert request["state"] == "supplier-identified"
    assert (answer.status_code, codes(answer)) == (409, ["agency-not-set"])


async def test_the_scope_decides_who_works_with_requests(ill: Harness, make: Make) -> None:
    await make.partner()
    request = await make.request()
    reader = Principal("staff", "r", frozenset({"ill:read"}))
    with ill.asking(reader):
        told: list[Any] = [
            await ill.get(f"/v1/ill/requests/{request['id']}/rota"),
            await make.try_to(request, "cancel"),
            await make.place(uuid4()),
        ]

    assert [answer.status_code for answer in told] == [200, 403, 403]


async def test_a_supplier_that_closes_meanwhile_has_its_days_afterwards(make: Make) -> None:
    closed = {"closed_from": "2027-03-02", "closed_until": "2027-03-05"}
    await make.partner("XX-CLSD", days_to_respond=2, **closed)

    request = await make.request()

    assert (request["state"], request["look_at"]) == ("sent", "2027-03-09T09:00:00Z")
