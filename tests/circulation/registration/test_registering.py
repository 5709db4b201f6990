"""Who patrons are: registered with everything, found again, changed piece by piece, by staff and by themselves."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from circulation.registration.naming import name_patrons
from contracts.circulation import PatronUpdated
from support.desk import NOW, Make, codes, pointers, statements, themselves
from support.harness import Harness

REGISTRATION = {
    "birth_date": True,
    "statistics": [{"code": "faculty", "name": "Faculty", "values": ["law", "arts"]}],
    "purposes": [{"code": "newsletter", "name": "Our newsletter"}],
}
ADA: dict[str, Any] = {
    "group": "student",
    "family_name": "Łovelace",
    "given_name": "Ada",
    "preferred_name": "Addie",
    "name_order": "family-first",
    "name_forms": [{"script": "Cyrl", "family_name": "Лавлейс", "given_name": None}],
    "barcode": "A1",
    "language": "EN-gb",
    "birth_on": "2008-02-29",
    "email": "ada@example.org",
    "emails": [{"kind": "work", "address": "ada@work.example"}],
    "phones": [{"kind": "home", "number": "+44 20 7946 0000", "text_messages": True}],
    "addresses": [
        {
            "kind": "term",
            "lines": ["12 St James's Square"],
            "postal_code": "SW1Y",
            "city": "London",
            "region": None,
            "country": "GB",
            "valid_from": "2026-10-01",
            "valid_to": "2027-06-30",
        }
    ],
    "identifiers": [{"kind": "orcid", "value": "0000-1"}, {"kind": "student-number", "value": "S1"}],
    "statistics": {"faculty": "arts"},
    "note": "prefers the quiet room",
}


async def named(circulation: Harness, **asked: Any) -> list[str]:
    answer = await circulation.get("/v1/patrons", params=asked)
    assert answer.status_code == 200, answer.text
    return [each["family_name"] for each in answer.json()["items"]]


async def changed(circulation: Harness, patron: dict[str, Any], **told: Any) -> Any:
    path = f"/v1/patrons/{patron['id']}"
    tag = (await circulation.get(path)).headers["etag"]
    headers = {"If-Match": tag, "Content-Type": "application/merge-patch+json"}
    return await circulation.patch(path, json=told, headers=headers)


async def test_a_patron_is_registered_with_everything_and_found_by_each_of_it(
    circulation: Harness, make: Make
) -> None:
    await make.configure(registration=REGISTRATION)

    created = await circulation.post("/v1/patrons", json=ADA)
    told = created.json()

    assert created.status_code == 201, created.text
    assert {name: told[name] for name in ADA} == ADA | {"language": "en-GB"}
    assert told["shown_name"] == "Łovelace Addie"
    for asked in (
        {"name": "lov"},
        {"name": "ADA ŁOV"},
        {"name": "addie"},
        {"name": "лав"},
        {"barcode": "A1"},
        {"identifier": "orcid:0000-1"},
    ):
        assert await named(circulation, **asked) == ["Łovelace"], asked
    for asked in ({"name": "velace"}, {"identifier": "orcid:S1"}, {"barcode": "a1"}):
        assert await named(circulation, **asked) == [], asked
    for asked, pointer in (({"name": "..."}, "query/name"), ({"identifier": "x"}, "query/identifier")):
        answer = await circulation.get("/v1/patrons", params=asked)
        assert (answer.status_code, pointers(answer)) == (422, [pointer])
    outgoing = " ".join([each.model_dump_json() for each in await circulation.envelopes()])
    assert not [word for word in ("velace", "2008", "James", "0000-1", "quiet", "@") if word in outgoing]


async def test_everything_wrong_and_every_number_that_is_anothers_is_said_at_once(
    circulation: Harness, make: Make
) -> None:
    await make.configure(registration=REGISTRATION)
    first = await make.patron(external_id="u1", identifiers=ADA["identifiers"])
    second = {
        "family_name": "Twin",
        "group": "wizard",
        "barcode": first["barcode"],
        "external_id": "u1",
        "identifiers": [{"kind": "orcid", "value": "0000-2"}, ADA["identifiers"][1]],
        "statistics": {"hair": "red"},
    }

    wrong = await circulation.post("/v1/patrons", json=second)
    taken = await circulation.post("/v1/patrons", json=second | {"group": "student", "statistics": {}})

    mine = ["/barcode", "/external_id", "/identifiers/1"]
    assert (wrong.status_code, pointers(wrong)) == (422, ["/group", "/statistics/hair", *mine])
    assert (taken.status_code, pointers(taken)) == (409, mine)


async def test_an_identifier_goes_to_one_of_those_who_ask_for_it_at_once(
    circulation: Harness, make: Make
) -> None:
    body = {"group": "student", "family_name": "Twin", "identifiers": ADA["identifiers"][:1]}

    answers = await asyncio.gather(*(circulation.post("/v1/patrons", json=body) for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_a_change_touches_what_it_names_and_nothing_else(circulation: Harness, make: Make) -> None:
    await make.configure(registration=REGISTRATION)
    ada = (await circulation.post("/v1/patrons", json=ADA)).json()

    answer = await changed(
        circulation,
        ada,
        external_id="u9",
        phones=[],
        addresses=[{"lines": ["Elsewhere"]}],
        identifiers=[{"kind": "orcid", "value": "0000-7"}],
        statistics={"faculty": None},
        preferred_name=None,
    )
    again = await changed(circulation, ada, phones=[], statistics={"faculty": None})

    told = answer.json()
    assert (told["external_id"], told["phones"], told["statistics"]) == ("u9", [], {})
    assert told["identifiers"] == [{"kind": "orcid", "value": "0000-7"}]
    assert (told["addresses"][0]["lines"], told["emails"]) == (["Elsewhere"], ADA["emails"])
    assert await named(circulation, name="addie") == []
    (event,) = await circulation.announced(PatronUpdated)
    assert set(event.changed) == {
        "external_id",
        "phones",
        "addresses",
        "identifiers",
        "statistics",
        "preferred_name",
    }
    assert again.headers["etag"] == answer.headers["etag"] == '"2"'


@pytest.mark.parametrize("name", ["addresses", "statistics", "identifiers", "family_name"])
async def test_what_cannot_be_empty_says_so(circulation: Harness, make: Make, name: str) -> None:
    answer = await changed(circulation, await make.patron(), **{name: None})

    assert (answer.status_code, pointers(answer)) == (422, [f"/{name}"])


async def test_a_replaced_card_still_tells_whose_it_was_and_is_nobody_elses(
    circulation: Harness, make: Make
) -> None:
    patron, other = await make.patron(barcode="OLD", family_name="Holder"), await make.patron()

    await changed(circulation, patron, barcode="NEW")
    taken = await changed(circulation, other, barcode="OLD")
    registered = await circulation.post("/v1/patrons", json=ADA | {"barcode": "OLD", "birth_on": None})
    found = (await circulation.get("/v1/patrons", params={"barcode": "OLD"})).json()["items"]
    back = (await changed(circulation, patron, barcode="OLD")).json()

    assert (taken.status_code, pointers(taken)) == (409, ["/barcode"])
    assert registered.status_code in (409, 422)
    assert [each["barcode"] for each in found] == ["NEW"]
    assert [(card["barcode"], card["state"]) for card in found[0]["former_cards"]] == [("OLD", "replaced")]
    assert [card["barcode"] for card in back["former_cards"]] == ["NEW"]


async def test_a_card_given_up_is_not_snatched_while_it_is_given_up(circulation: Harness, make: Make) -> None:
    holder, other = await make.patron(barcode="C0"), await make.patron()

    async with circulation.resources.pool.acquire() as connection:
        giving_up = connection.transaction()
        await giving_up.start()
        await connection.execute("UPDATE patron SET barcode = 'C1' WHERE barcode = 'C0'")
        await connection.execute(
            "INSERT INTO patron_identifier (id, patron_id, kind, value, state, since) "
            "VALUES (gen_random_uuid(), $1, 'barcode', 'C0', 'replaced', now())",
            UUID(holder["id"]),
        )
        waiting = asyncio.create_task(changed(circulation, other, barcode="C0"))
        await asyncio.wait([waiting], timeout=0.5)
        await giving_up.commit()
    answer = await waiting

    assert (answer.status_code, pointers(answer)) == (409, ["/barcode"])


async def test_patrons_see_themselves_without_staffs_note_and_change_what_is_theirs(
    circulation: Harness, make: Make
) -> None:
    await make.configure(registration=REGISTRATION)
    ada = (await circulation.post("/v1/patrons", json=ADA)).json()
    match = {"If-Match": '"1"'}
    mine = {"language": "fr", "email": "new@example.org"}

    with circulation.asking(themselves(ada)):
        me = await circulation.get("/v1/patrons/me")
        closed = await circulation.patch("/v1/patrons/me", json=mine | {"note": None}, headers=match)
        spoken = await circulation.patch("/v1/patrons/me", json={"language": "fr"}, headers=match)
        other = await circulation.patch(f"/v1/patrons/{uuid4()}", json={"language": "fr"}, headers=match)
        await make_open(circulation, make)
        mailed = await circulation.patch("/v1/patrons/me", json=mine, headers={"If-Match": '"2"'})

    assert (me.json()["addresses"], me.json()["note"]) == (ADA["addresses"], None)
    assert (closed.status_code, pointers(closed)) == (403, ["/email", "/note"])
    assert (spoken.status_code, spoken.json()["language"], spoken.json()["note"]) == (200, "fr", None)
    assert other.status_code == 404
    assert (mailed.status_code, mailed.json()["email"]) == (200, "new@example.org")


async def make_open(circulation: Harness, make: Make) -> None:
    from support.harness import STAFF

    with circulation.asking(STAFF):
        await make.configure(registration=REGISTRATION | {"patrons_change_email": True})


async def test_a_consent_is_given_once_withdrawn_once_and_stays_on_record(
    circulation: Harness, make: Make
) -> None:
    await make.configure(registration=REGISTRATION)
    patron, other = await make.patron(), await make.patron()
    path = f"/v1/patrons/{patron['id']}/consents"

    with circulation.asking(themselves(patron)):
        answers = [
            await circulation.put("/v1/patrons/me/consents/newsletter", json={"given": given})
            for given in (True, True, False, False, True)
        ]
        unknown = await circulation.put("/v1/patrons/me/consents/sale", json={"given": True})
        foreign = await circulation.put(
            f"/v1/patrons/{other['id']}/consents/newsletter", json={"given": True}
        )
    record = (await circulation.get(path)).json()["items"]

    assert [answer.json()["given"] for answer in answers] == [True, True, False, False, True]
    assert [(each["given_by"], each["withdrawn_by"]) for each in record] == [
        ("patron:p", "patron:p"),
        ("patron:p", None),
    ]
    assert (codes(unknown), foreign.status_code) == (["purpose-unknown"], 404)


async def test_names_are_searched_by_an_index_and_page_in_filing_order(
    circulation: Harness, make: Make
) -> None:
    pool = circulation.resources.pool
    await pool.execute(
        "INSERT INTO patron (id, barcode, group_code, family_name, given_name, created_at) "
        "SELECT gen_random_uuid(), 'N' || n, 'student', chr(65 + n % 26) || 'ÖX' || n, 'Zoë', now() "
        "FROM generate_series(1, 3000) n"
    )
    await name_patrons(circulation.resources, NOW)
    await pool.execute("ANALYZE patron")

    seen: list[str] = []
    url: str | None = "/v1/patrons?name=box&limit=50"
    while url is not None:
        async with statements(circulation) as asked:
            answer = await circulation.get(url)
        seen += [each["family_name"] for each in answer.json()["items"]]
        url = answer.links["next"]["url"] if "next" in answer.links else None

    (query,) = asked
    plan = await pool.fetchval(f"EXPLAIN (FORMAT JSON) {query.query}", *query.args)
    assert len(seen) == len(set(seen)) == len([n for n in range(1, 3001) if n % 26 == 1])
    assert seen == sorted(seen, key=lambda name: name.lower())
    assert "patron_by_words" in str(plan) or "patron_by_name" in str(plan)
    assert await pool.fetchval("SELECT count(*) FROM patron WHERE name_key IS NULL") == 0
    assert UUID(answer.json()["items"][0]["id"])
