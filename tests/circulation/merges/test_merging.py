"""Two cards, one person: everything follows, old numbers still lead here, and nothing is lost or counted twice."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from circulation.merges.commands import LEFT, MOVED
from contracts.circulation import PatronMerged, PatronProxyRevoked
from support.desk import NOW, Make, codes, pointers, themselves
from support.harness import Harness

NOT_OURS = ("outbox", "inbox", "idempotency")
"""What was told and answered stays as it was told."""


async def merged(circulation: Harness, into: dict[str, Any], *others: dict[str, Any], **more: Any) -> Any:
    key, asked = more.pop("key", None), more.pop("params", None)
    body = {"merged": [each["id"] for each in others]} | more
    return await circulation.post(f"/v1/patrons/{into['id']}/merges", json=body, params=asked, key=key)


async def columns(circulation: Harness) -> list[tuple[str, str]]:
    """Every column of the schema that can hold a UUID."""
    rows = await circulation.resources.pool.fetch(
        "SELECT c.table_name, c.column_name FROM information_schema.columns c "
        "JOIN information_schema.tables t USING (table_schema, table_name) "
        "WHERE table_schema = 'public' AND t.table_type = 'BASE TABLE' "
        "AND c.udt_name IN ('uuid', '_uuid', 'jsonb', 'text') ORDER BY 1, 2"
    )
    return [(row[0], row[1]) for row in rows if not row[0].startswith(NOT_OURS)]


async def traces(circulation: Harness, patron: dict[str, Any]) -> set[tuple[str, str]]:
    """Every column in which a patron's id stands."""
    pool = circulation.resources.pool
    return {
        (table, column)
        for table, column in await columns(circulation)
        if await pool.fetchval(
            f'SELECT EXISTS (SELECT FROM "{table}" WHERE "{column}"::text LIKE $1)', f"%{patron['id']}%"
        )
    }


async def charged(circulation: Harness, patron: dict[str, Any], minor: int) -> None:
    body = {"patron_id": patron["id"], "type": "printing", "amount": minor}
    answer = await circulation.post("/v1/fees", json=body)
    assert answer.status_code == 201, answer.text


async def test_every_column_that_names_a_patron_is_moved_or_known_to_stay(circulation: Harness) -> None:
    referring = await circulation.resources.pool.fetch(
        "SELECT c.conrelid::regclass::text, a.attname FROM pg_constraint c "
        "JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey) "
        "WHERE c.contype = 'f' AND c.confrelid = 'patron'::regclass"
    )
    words = ("patron_id", "proxy_id", "sponsor_id", "guarantor_id", "ward_id", "borrower", "kept_for")
    uuids = await circulation.resources.pool.fetch(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND udt_name IN ('uuid', '_uuid')"
    )
    named = {(row[0], row[1]) for row in uuids if any(w in row[1] for w in (*words, "patron"))}

    known = {*MOVED, *LEFT}
    assert {(row[0], row[1]) for row in referring} <= known
    assert {each for each in named if not each[0].startswith(NOT_OURS)} <= known
    assert known <= {(row[0], row[1]) for row in uuids}


async def test_two_registrations_become_one_and_nothing_is_lost(circulation: Harness, make: Make) -> None:
    await make.configure(
        fee_types=[{"code": "printing", "name": "Printing"}],
        registration={"purposes": [{"code": "news", "name": "News"}]},
    )
    ids = [{"kind": "orcid", "value": "1"}]
    old = await make.patron(
        family_name="Smith", email="s@example.org", external_id="x1", identifiers=ids, note="old"
    )
    new = await make.patron(
        family_name="Smythe", given_name="Jo", external_id="x2", phones=[{"number": "123"}]
    )
    friend, third = await make.patron(), await make.patron()
    lent, past, wanted, shelf, other = [await make.item() for _ in range(5)]
    loan = await make.loan(old, lent)
    await make.loan(old, past)
    circulation.at(NOW + timedelta(days=40))
    await make.take_back(past)
    circulation.at(NOW)
    await make.loan(third, wanted)
    kept, ended = await make.hold(old, wanted), await make.hold(new, wanted)
    paged = await make.hold(old, shelf)
    for patron, minor in ((old, 300), (new, 150)):
        await charged(circulation, patron, minor)
    await circulation.post(
        f"/v1/patrons/{old['id']}/payments", json={"amount": 100, "method": "card", "reference": "r1"}
    )
    for patron in (old, new):
        await circulation.put(f"/v1/patrons/{patron['id']}/consents/news", json={"given": True})
        answer = await circulation.post(
            f"/v1/patrons/{patron['id']}/proxies", json={"proxy_id": friend["id"]}
        )
        assert answer.status_code == 201, answer.text
    await circulation.post(f"/v1/patrons/{old['id']}/proxies", json={"proxy_id": new["id"]})
    await circulation.post(f"/v1/patrons/{friend['id']}/proxies", json={"proxy_id": old["id"]})
    await make.loan(friend, other, proxy_id=old["id"])
    blocks = f"/v1/patrons/{old['id']}/blocks"
    block = (await circulation.post(blocks, json={"actions": ["hold"], "note": "n"})).json()
    await circulation.post(blocks, json={"actions": ["renew"], "note": "stays"})
    await circulation.delete(f"{blocks}/{block['id']}")
    for patron in (old, new):
        body = {"patron_id": patron["id"], "service_point_id": make.desk}
        assert (await circulation.post("/v1/desk-sessions", json=body)).status_code == 201
    pool = circulation.resources.pool
    owed = await pool.fetchval("SELECT sum(owed) FROM patron")
    before = await traces(circulation, old)

    looked = await merged(circulation, new, old, params={"dry_run": "true"})
    untouched = await circulation.get(f"/v1/patrons/{old['id']}")
    done = await merged(circulation, new, old, key="once")
    again = await merged(circulation, new, old, key="once")

    assert {("loan", "patron_id"), ("loan", "proxy_id"), ("item", "kept_for"), ("fee", "patron_id")} < before
    assert (looked.status_code, untouched.status_code) == (200, 200), looked.text
    assert looked.json() | {"dry_run": False} == done.json(), done.text
    assert (done.status_code, again.json()) == (201, done.json())
    assert (done.json()["loans"], done.json()["holds"], done.json()["blocks"]) == (2, 2, 1)
    assert done.json()["holds_given_up"] == [ended["id"]]
    assert done.json()["differences"] == [{"patron_id": old["id"], "fields": ["family_name"]}]
    assert await traces(circulation, old) <= {("merged_patron", "id"), ("merged_patron", "registration")}

    told = (await circulation.get(f"/v1/patrons/{new['id']}")).json()
    account = await make.account(new)
    assert (told["family_name"], told["email"], told["note"]) == ("Smythe", "s@example.org", "old")
    assert (told["identifiers"], told["external_id"]) == (ids, "x2")
    assert (told["open_loans"], [each["id"] for each in account["loans"]]) == (1, [loan["id"]])
    assert {each["id"] for each in account["holds"]} == {kept["id"], paged["id"]}
    assert (
        account["owed"]
        == owed
        == await pool.fetchval("SELECT sum(amount) FROM ledger_entry WHERE account = 'receivable'")
    )
    assert (await make.hold_of(kept))["position"] == 1
    assert [each["actions"] for each in account["blocks"]] == [["renew"]]
    record = (await circulation.get(f"/v1/patrons/{new['id']}/merges")).json()["items"]
    assert [(each["id"], each["registration"]["family_name"]) for each in record] == [(old["id"], "Smith")]
    proxies = (await circulation.get(f"/v1/patrons/{new['id']}/proxies")).json()["items"]
    assert [each["proxy_id"] for each in proxies] == [friend["id"]]
    (event,) = await circulation.announced(PatronMerged)
    assert (event.merged_refs, event.version) == ((UUID(old["id"]),), 2)
    assert len(await circulation.announced(PatronProxyRevoked)) == 2
    consents = await pool.fetchval("SELECT count(*) FROM patron_consent WHERE withdrawn_at IS NULL")
    assert consents == 1


async def test_an_old_card_and_an_old_id_lead_to_the_surviving_registration(
    circulation: Harness, make: Make
) -> None:
    new, old, older = [await make.patron(external_id=f"x{n}") for n in range(3)]
    await merged(circulation, old, older)
    await merged(circulation, new, old)

    moved = await circulation.get(f"/v1/patrons/{older['id']}/account")
    found = (await circulation.get("/v1/patrons", params={"barcode": older["barcode"]})).json()["items"]
    by_card = await make.lend(new, await make.item(), patron_id=None, patron_barcode=older["barcode"])
    by_id = await make.lend(old, await make.item())
    looked = await circulation.post(
        "/v1/loans?dry_run=true",
        json={
            "patron_barcode": old["barcode"],
            "item_id": str((await make.item()).item_id),
            "service_point_id": make.desk,
        },
    )
    placed = await make.place(older, title_id=str((await make.item()).title_ids[0]))
    with circulation.asking(themselves(older)):
        me = await circulation.get("/v1/patrons/me")

    assert (moved.status_code, codes_of(moved)) == (308, "patron-merged")
    assert moved.headers["location"] == f"/v1/patrons/{new['id']}/account"
    assert [each["id"] for each in found] == [new["id"]]
    assert (by_card.status_code, by_card.json()["patron_id"]) == (201, new["id"]), by_card.text
    assert (by_id.json()["patron_id"], looked.json()["allowed"]) == (new["id"], True)
    assert (placed.status_code, placed.json()["patron_id"]) == (201, new["id"])
    assert me.json()["id"] == new["id"]


def codes_of(answer: Any) -> str:
    code: str = answer.json()["code"]
    return code


async def test_a_signed_in_patron_goes_on_at_once_when_their_registration_is_merged(
    circulation: Harness, make: Make
) -> None:
    new, old = await make.patron(), await make.patron()
    loan = await make.loan(old, await make.item())
    with circulation.asking(themselves(old)):
        before = await circulation.get("/v1/patrons/me/account")

    await merged(circulation, new, old)

    with circulation.asking(themselves(old)):
        after = await circulation.get("/v1/patrons/me/account")
    assert before.status_code == 200
    assert [told["id"] for told in after.json()["loans"]] == [loan["id"]]


async def test_a_replaced_card_lends_nothing_and_says_why(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(barcode="OLD"), await make.item()
    await circulation.patch(
        f"/v1/patrons/{patron['id']}", json={"barcode": "NEW"}, headers={"If-Match": '"1"'}
    )

    lent = await make.lend(patron, item, patron_id=None, patron_barcode="OLD")
    placed = await circulation.post(
        "/v1/holds",
        json={"patron_barcode": "OLD", "title_id": str(item.title_ids[0]), "pickup_id": make.desk},
    )

    assert (lent.status_code, codes(lent)) == (409, ["card-replaced"])
    assert (placed.status_code, codes(placed)) == (404, ["card-replaced"])


async def test_the_desk_lends_to_whoever_survives_a_merge_under_way(circulation: Harness, make: Make) -> None:
    new, old = await make.patron(), await make.patron()
    items = [await make.item() for _ in range(6)]

    *lent, done = await asyncio.gather(
        *(make.lend(old, item) for item in items), merged(circulation, new, old)
    )

    rows = await circulation.resources.pool.fetch("SELECT DISTINCT patron_id FROM loan")
    assert ({answer.status_code for answer in lent}, done.status_code) == ({201}, 201)
    assert [str(row["patron_id"]) for row in rows] == [new["id"]]
    assert (await circulation.get(f"/v1/patrons/{new['id']}")).json()["open_loans"] == 6


async def test_two_who_are_merged_into_each_other_at_once_are_one_in_the_end(
    circulation: Harness, make: Make
) -> None:
    one, other = await make.patron(), await make.patron()

    answers = await asyncio.gather(merged(circulation, one, other), merged(circulation, other, one))

    assert sorted(answer.status_code for answer in answers) == [201, 404]
    assert await circulation.resources.pool.fetchval("SELECT count(*) FROM patron") == 1


@pytest.mark.parametrize(
    ("more", "pointer", "status"),
    [
        ({"itself": True}, "/merged/1", 409),
        ({"keep": {"email": "stranger"}}, "/keep/email", 409),
        ({"unknown": True}, "/merged/1", 404),
    ],
    ids=["with itself", "a stranger's value", "an unknown one"],
)
async def test_a_merge_that_makes_no_sense_is_refused_where_it_does_not(
    circulation: Harness, make: Make, more: dict[str, Any], pointer: str, status: int
) -> None:
    one, other, stranger = [await make.patron() for _ in range(3)]
    third = {"itself": [one], "unknown": [{"id": str(UUID(int=7))}]}
    also = next((third[name] for name in more if name in third), [])
    keep = {"keep": {"email": stranger["id"]}} if "keep" in more else {}

    answer = await merged(circulation, one, other, *also, **keep)

    assert (answer.status_code, pointers(answer)) == (status, [pointer])


async def test_a_hold_placed_while_its_patron_is_merged_is_the_surviving_patrons(
    circulation: Harness, make: Make
) -> None:
    new, old = await make.patron(), await make.patron()
    items = [await make.item() for _ in range(4)]

    async def merge_when_free() -> Any:
        for _ in range(20):
            answer = await merged(circulation, new, old, key="once")
            if answer.status_code != 409:
                break
        return answer

    *placed, done = await asyncio.gather(
        *(make.place(old, title_id=str(item.title_ids[0])) for item in items), merge_when_free()
    )

    rows = await circulation.resources.pool.fetch("SELECT DISTINCT patron_id FROM hold")
    kept = await circulation.resources.pool.fetch("SELECT DISTINCT kept_for FROM item")
    assert ({answer.status_code for answer in placed}, done.status_code) == ({201}, 201)
    assert [str(row["patron_id"]) for row in rows] == [new["id"]]
    assert [str(row["kept_for"]) for row in kept] == [new["id"]]


async def test_a_refusal_reads_well_for_a_patron_without_a_card(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(barcode=None), await make.item()
    await make.hold(patron, item)

    again = await make.place(patron, title_id=str(item.title_ids[0]))

    (reason,) = again.json()["reasons"]
    assert (again.status_code, reason["code"]) == (409, "already-held")
    assert "None" not in again.text
