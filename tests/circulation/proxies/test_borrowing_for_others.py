"""Sponsors and proxies, through their front door."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from chassis.principal import Principal
from contracts.circulation import (
    HoldPlaced,
    LoanCreated,
    LoanRenewed,
    LoanReturned,
    PatronProxyGranted,
    PatronProxyRevoked,
)
from support.desk import NOW, Make, codes, pointers, themselves
from support.harness import Harness

DAY = timedelta(days=1)


async def grant(
    circulation: Harness,
    sponsor: dict[str, Any],
    proxy: dict[str, Any],
    *,
    key: str | None = None,
    **more: Any,
) -> httpx.Response:
    """Make somebody a patron's proxy; whatever comes of it."""
    body = {"proxy_id": proxy["id"]} | more
    return await circulation.post(f"/v1/patrons/{sponsor['id']}/proxies", json=body, key=key)


async def test_a_proxy_borrows_and_the_sponsor_answers_for_it(circulation: Harness, make: Make) -> None:
    sponsor, proxy, item = await make.patron(), await make.patron(), await make.item()
    await grant(circulation, sponsor, proxy)

    loan = await make.loan(sponsor, item, proxy_id=proxy["id"])
    circulation.at(NOW + DAY)
    renewed = (await circulation.post(f"/v1/loans/{loan['id']}/renewals")).json()
    read = (await circulation.get(f"/v1/loans/{loan['id']}")).json()
    back = await make.take_back(item)

    assert (loan["patron_id"], loan["proxy_id"]) == (sponsor["id"], proxy["id"])
    assert [told["proxy_id"] for told in (renewed, read, back["loan"])] == [proxy["id"]] * 3
    told = [event.loan for event in await circulation.announced(LoanCreated)]
    told += [event.loan for event in await circulation.announced(LoanRenewed)]
    told += [event.loan for event in await circulation.announced(LoanReturned)]
    assert [str(loan.proxy_ref) for loan in told] == [proxy["id"]] * 3
    assert {str(loan.patron_ref) for loan in told} == {sponsor["id"]}


async def test_each_reason_against_a_proxy_has_its_own_code(circulation: Harness, make: Make) -> None:
    sponsor, stranger = await make.patron(), await make.patron()
    idle = await make.patron(expires_at=(NOW + DAY).isoformat())
    await grant(circulation, sponsor, idle)
    circulation.at(NOW + 2 * DAY)

    unrelated = await make.lend(sponsor, await make.item(), proxy_barcode=stranger["barcode"])
    oneself = await make.lend(sponsor, await make.item(), proxy_id=sponsor["id"])
    inactive = await make.lend(sponsor, await make.item(), proxy_id=idle["id"])
    reverse = await make.lend(idle, await make.item(), proxy_id=sponsor["id"])
    unknown = await make.lend(sponsor, await make.item(), proxy_barcode="nobody")

    assert (unrelated.status_code, codes(unrelated)) == (409, ["proxy-unrelated"])
    assert (oneself.status_code, codes(oneself)) == (409, ["proxy-is-sponsor"])
    assert (inactive.status_code, codes(inactive)) == (409, ["proxy-inactive"])
    assert "proxy-unrelated" in codes(reverse)
    assert (unknown.status_code, pointers(unknown)) == (404, ["/proxy_barcode"])
    assert all(reason["mend"] for reason in unrelated.json()["reasons"])
    assert await circulation.announced(LoanCreated) == []


async def test_a_proxys_barcode_is_matched_exactly(circulation: Harness, make: Make) -> None:
    sponsor, proxy, item = await make.patron(), await make.patron(barcode=" 4 2 "), await make.item()
    await grant(circulation, sponsor, proxy)

    trimmed = await make.lend(sponsor, item, proxy_barcode="4 2")
    lent = await make.lend(sponsor, item, proxy_barcode=" 4 2 ")

    assert (trimmed.status_code, pointers(trimmed)) == (404, ["/proxy_barcode"])
    assert (lent.status_code, lent.json()["proxy_id"]) == (201, proxy["id"])


async def test_the_sponsors_limits_count_and_nothing_overrides_a_proxys(
    circulation: Harness, make: Make
) -> None:
    sponsor, proxy = await make.patron(group="visitor"), await make.patron()
    await grant(circulation, sponsor, proxy)
    for _ in range(2):
        await make.loan(sponsor, await make.item(), proxy_id=proxy["id"])

    full = await make.lend(sponsor, await make.item(), proxy_id=proxy["id"])
    override = {"blocks": ["proxy-unrelated"], "comment": "I know her"}
    forced = await make.lend(
        sponsor, await make.item(), proxy_id=(await make.patron())["id"], override=override
    )

    assert codes(full) == ["group-loan-limit"]
    assert (forced.status_code, codes(forced)) == (422, ["proxy-unrelated"])


async def test_a_dry_run_tells_of_the_proxy_and_a_repetition_lends_once(
    circulation: Harness, make: Make
) -> None:
    sponsor, proxy, item = await make.patron(), await make.patron(), await make.item()
    body = {
        "patron_id": sponsor["id"],
        "proxy_id": proxy["id"],
        "item_id": str(item.item_id),
        "service_point_id": make.desk,
    }

    dry = (await circulation.post("/v1/loans?dry_run=true", json=body)).json()
    await grant(circulation, sponsor, proxy)
    first, again = await asyncio.gather(
        *(circulation.post("/v1/loans", json=body, key="k") for _ in range(2))
    )

    assert (dry["allowed"], [block["code"] for block in dry["blocks"]]) == (False, ["proxy-unrelated"])
    assert (first.status_code, first.text) == (201, again.text)
    assert len(await circulation.announced(LoanCreated)) == 1


async def test_a_proxy_fetches_what_is_held_for_the_sponsor(circulation: Harness, make: Make) -> None:
    sponsor, proxy, item = await make.patron(), await make.patron(), await make.item()
    await grant(circulation, sponsor, proxy)
    await make.loan(await make.patron(), item)
    hold = await make.hold(sponsor, item)
    await make.take_back(item)

    loan = await make.loan(sponsor, item, proxy_id=proxy["id"])

    assert loan["proxy_id"] == proxy["id"]
    assert (await make.hold_of(hold))["state"] == "filled"


async def test_a_proxy_brings_the_book_back_to_the_desk_and_it_is_renewed(
    circulation: Harness, make: Make
) -> None:
    sponsor, proxy, item = await make.patron(), await make.patron(), await make.item()
    await make.loan(sponsor, item)
    circulation.at(NOW + DAY)

    refused = await make.lend(sponsor, item, proxy_id=proxy["id"])
    await grant(circulation, sponsor, proxy)
    renewed = await make.lend(sponsor, item, proxy_id=proxy["id"])

    assert codes(refused) == ["proxy-unrelated"]
    assert (renewed.status_code, renewed.json()["renewals"]) == (201, 1)


async def test_a_hold_is_placed_by_a_proxy_for_the_sponsor(circulation: Harness, make: Make) -> None:
    sponsor, proxy, stranger = await make.patron(), await make.patron(), await make.patron()
    item, other = await make.item(), await make.item()
    await grant(circulation, sponsor, proxy)
    wish = {"title_id": str(item.title_ids[0])}

    refused = await make.place(sponsor, **wish, proxy_id=stranger["id"])
    with circulation.asking(themselves(stranger)):
        foreign = await make.place(sponsor, **wish, proxy_id=stranger["id"])
        silent = await make.place(sponsor, **wish, proxy_id=proxy["id"])
    with circulation.asking(themselves(sponsor)):
        guessed = await make.place(sponsor, **wish, proxy_barcode=stranger["barcode"])
    with circulation.asking(themselves(proxy)):
        placed = await make.place(sponsor, **wish, proxy_id=proxy["id"])
        unsaid = await make.place(sponsor, title_id=str(other.title_ids[0]))
    unknown = await make.place(sponsor, title_id=str(other.title_ids[0]), proxy_barcode="nobody")

    assert (refused.status_code, codes(refused)) == (409, ["proxy-unrelated"])
    assert [answer.status_code for answer in (foreign, silent, unsaid)] == [404, 404, 404]
    assert (guessed.status_code, codes(guessed)) == (404, ["proxy-unknown"])
    assert (placed.status_code, placed.json()["proxy_id"]) == (201, proxy["id"])
    assert placed.json()["patron_id"] == sponsor["id"]
    assert (unknown.status_code, pointers(unknown)) == (404, ["/proxy_barcode"])
    assert [str(event.hold.proxy_ref) for event in await circulation.announced(HoldPlaced)] == [proxy["id"]]


async def test_a_proxy_is_granted_once_and_revoked_by_the_sponsor_too(
    circulation: Harness, make: Make
) -> None:
    sponsor, proxy = await make.patron(family_name="Lovelace"), await make.patron()

    first, again = await asyncio.gather(*(grant(circulation, sponsor, proxy, key="g") for _ in range(2)))
    racing = await asyncio.gather(*(grant(circulation, sponsor, proxy) for _ in range(3)))
    path = f"/v1/patrons/{sponsor['id']}/proxies/{first.json()['id']}"
    with circulation.asking(themselves(proxy)):
        not_mine = await circulation.delete(path)
        mine = (await circulation.get("/v1/patrons/me/sponsors")).json()["items"]
    with circulation.asking(themselves(sponsor)):
        listed = (await circulation.get("/v1/patrons/me/proxies")).json()["items"]
        done = [(await circulation.delete(path)).status_code for _ in range(2)]
        left = (await circulation.get("/v1/patrons/me/proxies")).json()["items"]
    refused = await make.lend(sponsor, await make.item(), proxy_id=proxy["id"])
    anew = await grant(circulation, sponsor, proxy)

    assert (first.status_code, first.text) == (201, again.text)
    assert [codes(answer) for answer in racing] == [["proxy-granted-already"]] * 3
    assert (not_mine.status_code, done, left) == (404, [204, 204], [])
    assert mine == listed == [first.json()]
    assert listed[0]["sponsor_name"] == "Lovelace"
    assert (codes(refused), anew.status_code) == (["proxy-unrelated"], 201)
    assert [event.version for event in await circulation.announced(PatronProxyGranted)] == [1, 1]
    assert [event.version for event in await circulation.announced(PatronProxyRevoked)] == [2]
    assert not [e for e in await circulation.envelopes() if "Lovelace" in e.model_dump_json()]


async def test_a_revocation_and_a_loan_at_once_end_in_one_order_or_the_other(
    circulation: Harness, make: Make
) -> None:
    sponsor, proxy = await make.patron(), await make.patron()
    relation = (await grant(circulation, sponsor, proxy)).json()
    items = [await make.item() for _ in range(4)]
    path = f"/v1/patrons/{sponsor['id']}/proxies/{relation['id']}"

    *lent, revoked = await asyncio.gather(
        *(make.lend(sponsor, item, proxy_id=proxy["id"]) for item in items), circulation.delete(path)
    )

    assert revoked.status_code == 204
    assert {answer.status_code for answer in lent} <= {201, 409}
    told = [e.type.rsplit(".", 2)[1] for e in await circulation.envelopes()]
    assert "loan-created" not in told[told.index("patron-proxy-revoked") :]
    assert told.count("loan-created") == sum(answer.status_code == 201 for answer in lent)


@pytest.mark.parametrize(
    ("more", "status", "pointer"),
    [
        ({"valid_to": (NOW - DAY).isoformat()}, 422, "/valid_to"),
        ({"valid_from": (NOW + DAY).isoformat(), "valid_to": (NOW + DAY).isoformat()}, 422, "/valid_to"),
        ({"proxy_barcode": "both"}, 422, ""),
        ({"proxy_id": None}, 422, ""),
        ({"proxy_id": None, "proxy_barcode": "nobody"}, 404, "/proxy_barcode"),
        ({"proxy_id": str(uuid4())}, 404, "/proxy_id"),
    ],
)
async def test_what_is_wrong_with_a_proxy_is_told_with_its_place(
    circulation: Harness, make: Make, more: dict[str, Any], status: int, pointer: str
) -> None:
    sponsor, proxy = await make.patron(), await make.patron()

    answer = await grant(circulation, sponsor, proxy, **more)

    assert (answer.status_code, pointers(answer)) == (status, [pointer])


async def test_who_makes_proxies(circulation: Harness, make: Make) -> None:
    sponsor, proxy = await make.patron(), await make.patron()

    oneself = await grant(circulation, sponsor, sponsor)
    with circulation.asking(themselves(sponsor)):
        by_patron = await grant(circulation, sponsor, proxy)
        peek = await circulation.get(f"/v1/patrons/{proxy['id']}/proxies")
    with circulation.asking(Principal("staff", "x", frozenset({"patrons:read"}))):
        by_reader = await grant(circulation, sponsor, proxy)
        seen = await circulation.get(f"/v1/patrons/{sponsor['id']}/proxies")

    assert (oneself.status_code, codes(oneself)) == (409, ["proxy-is-sponsor"])
    assert [answer.status_code for answer in (by_patron, peek, by_reader)] == [403, 404, 403]
    assert (seen.status_code, seen.json()) == (200, {"items": []})
