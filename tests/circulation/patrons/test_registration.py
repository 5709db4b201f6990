"""Patrons: registered, read, changed, blocked."""

import asyncio
from uuid import uuid4

import pytest

from contracts.circulation import PatronCreated, PatronUpdated
from support.desk import Make, codes, pointers, themselves
from support.harness import Harness

ADA = {"group": "student", "family_name": "Lovelace", "given_name": "Ada", "barcode": "A 1"}


async def test_a_patron_is_registered_found_and_changed(circulation: Harness, make: Make) -> None:
    created = await circulation.post("/v1/patrons", json=ADA)
    path = created.headers["location"]
    found = (await circulation.get("/v1/patrons", params={"barcode": "A 1"})).json()["items"]

    changed = await circulation.patch(
        path, json={"given_name": None, "group": "visitor"}, headers={"If-Match": created.headers["etag"]}
    )

    assert [each["id"] for each in found] == [created.json()["id"]]
    assert (changed.json()["given_name"], changed.json()["group"]) == (None, "visitor")
    assert (created.headers["etag"], changed.headers["etag"]) == ('"1"', '"2"')
    (first,) = await circulation.announced(PatronCreated)
    (second,) = await circulation.announced(PatronUpdated)
    assert (first.version, second.version, set(second.changed)) == (1, 2, {"given_name", "group"})
    assert not [e for e in await circulation.envelopes() if "Lovelace" in e.model_dump_json()]


async def test_a_change_names_the_version_that_was_read(circulation: Harness, make: Make) -> None:
    path = f"/v1/patrons/{(await make.patron())['id']}"

    without = await circulation.patch(path, json={"language": "de"})
    stale = await circulation.patch(path, json={"language": "de"}, headers={"If-Match": '"7"'})
    unknown = await circulation.patch(
        f"/v1/patrons/{uuid4()}", json={"language": "de"}, headers={"If-Match": '"1"'}
    )

    assert (without.status_code, stale.status_code, unknown.status_code) == (428, 412, 404)
    assert stale.headers["etag"] == '"1"'


async def test_of_two_changes_at_once_one_is_told_to_read_again(circulation: Harness, make: Make) -> None:
    path = f"/v1/patrons/{(await make.patron())['id']}"

    answers = await asyncio.gather(
        *(
            circulation.patch(path, json={"language": language}, headers={"If-Match": '"1"'})
            for language in ("de", "fr", "it")
        )
    )

    assert sorted(answer.status_code for answer in answers) == [200, 412, 412]
    assert len(await circulation.announced(PatronUpdated)) == 1


async def test_a_change_that_changes_nothing_is_no_event(circulation: Harness, make: Make) -> None:
    patron = await make.patron()

    answer = await circulation.patch(
        f"/v1/patrons/{patron['id']}",
        json={"family_name": patron["family_name"]},
        headers={"If-Match": '"1"'},
    )

    assert answer.headers["etag"] == '"1"'
    assert await circulation.announced(PatronUpdated) == []


@pytest.mark.parametrize("name", ["barcode", "external_id"])
async def test_an_identifier_is_one_patrons_even_under_a_race(
    circulation: Harness, make: Make, name: str
) -> None:
    body = {"group": "student", "family_name": "Twin", name: "same"}

    answers = await asyncio.gather(*(circulation.post("/v1/patrons", json=body) for _ in range(5)))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert (codes(refused), pointers(refused)) == (["identifier-taken"], [f"/{name}"])


async def test_a_barcode_is_not_taken_over_by_a_change(circulation: Harness, make: Make) -> None:
    first, second = await make.patron(), await make.patron()

    answer = await circulation.patch(
        f"/v1/patrons/{second['id']}", json={"barcode": first["barcode"]}, headers={"If-Match": '"1"'}
    )

    assert (answer.status_code, pointers(answer)) == (409, ["/barcode"])


async def test_a_group_is_one_that_is_known(circulation: Harness, make: Make) -> None:
    patron = await make.patron()

    created = await circulation.post("/v1/patrons", json=ADA | {"group": "wizard"})
    changed = await circulation.patch(
        f"/v1/patrons/{patron['id']}", json={"group": "wizard"}, headers={"If-Match": '"1"'}
    )

    assert (created.status_code, pointers(created)) == (422, ["/group"])
    assert (changed.status_code, pointers(changed)) == (422, ["/group"])


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"family_name": ""}, "/family_name"),
        ({"expires_at": "2027-10-01T00:00:00"}, "/expires_at"),
        ({"expires_at": "0001-01-01T00:00:00+14:00"}, "/expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-12:00"}, "/expires_at"),
        ({"email": "nobody"}, "/email"),
        ({"owed": 0}, "/owed"),
        ({"barcode": "x" * 101}, "/barcode"),
    ],
)
async def test_a_registration_that_makes_no_sense_is_refused_where_it_does_not(
    circulation: Harness, make: Make, changed: dict[str, object], pointer: str
) -> None:
    answer = await circulation.post("/v1/patrons", json=ADA | changed)

    assert (answer.status_code, pointers(answer)) == (422, [pointer])


async def test_a_card_for_ever_lends_like_any_other(circulation: Harness, make: Make) -> None:
    patron = await make.patron(expires_at="9999-12-31T23:59:59Z")

    lent = await make.lend(patron, await make.item())

    assert lent.status_code == 201
    assert (await make.account(patron))["expires_at"] == "9999-12-31T23:59:59Z"


async def test_a_block_ends_by_itself_or_when_it_is_lifted(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item()
    path = f"/v1/patrons/{patron['id']}/blocks"
    over = {"actions": ["borrow"], "note": "…", "expires_at": "2027-03-01T09:00:00Z"}
    await circulation.post(path, json=over)
    block = (await circulation.post(path, json={"actions": ["borrow"], "note": "…"})).json()

    refused = await make.lend(patron, item)
    lifted = await circulation.delete(f"{path}/{block['id']}")
    again = await circulation.delete(f"{path}/{block['id']}")
    lent = await make.lend(patron, item)

    assert codes(refused) == ["patron-blocked"]
    assert (lifted.status_code, again.status_code, lent.status_code) == (204, 404, 201)


async def test_a_block_set_while_the_item_lies_on_the_desk_counts(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item()
    block = {"actions": ["borrow"], "note": "…"}

    lent, blocked = await asyncio.gather(
        make.lend(patron, item), circulation.post(f"/v1/patrons/{patron['id']}/blocks", json=block)
    )
    later = await make.lend(patron, await make.item())

    assert blocked.status_code == 201
    assert lent.status_code in (201, 409)
    assert codes(later) == ["patron-blocked"]


async def test_patrons_read_themselves_and_nobody_else(circulation: Harness, make: Make) -> None:
    patron, other = await make.patron(), await make.patron()

    with circulation.asking(themselves(patron)):
        me = await circulation.get("/v1/patrons/me")
        foreign = await circulation.get(f"/v1/patrons/{other['id']}")
        account = await circulation.get(f"/v1/patrons/{other['id']}/account")
        listed = await circulation.get("/v1/patrons")
        changed = await circulation.patch(
            "/v1/patrons/" + patron["id"], json={"group": "visitor"}, headers={"If-Match": '"1"'}
        )
    with circulation.asking(None):
        nobody = await circulation.get(f"/v1/patrons/{other['id']}")

    assert me.json()["id"] == patron["id"]
    assert (foreign.status_code, account.status_code) == (404, 404)
    assert (listed.status_code, changed.status_code, nobody.status_code) == (403, 403, 401)
