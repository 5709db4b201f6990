"""Licences through the front door: entered, amended, compared, and the vocabulary they speak in."""

import asyncio
from typing import Any

import pytest

from contracts.erm import LicenceChanged
from support.desk import codes, pointers
from support.harness import Harness
from support.licensing import Shelf, all_wait, shelf


@pytest.fixture
async def make(erm: Harness) -> Shelf:
    return await shelf(erm)


async def test_a_licence_is_told_for_every_day_and_shown_as_it_counts_on_one(
    erm: Harness, make: Shelf
) -> None:
    told = await make.licence(
        starts_on="2027-01-01",
        terms={
            "ill-print": {
                "use": "permitted",
                "public_note": "Within the country",
                "internal_note": "by phone",
            },
            "concurrent-users": {"value": 5},
            "ai-training": {"use": "prohibited", "public_note": "secret", "internal": True},
        },
        amendments=[
            {
                "name": "No more lending",
                "status": "active",
                "starts_on": "2027-04-01",
                "terms": [{"term": "ill-print", "use": "prohibited"}],
            }
        ],
        documents=[{"name": "Contract", "url": "https://files.example/l.pdf"}],
    )
    path = f"/v1/licences/{told['id']}"
    now = (await erm.get(f"{path}/terms")).json()
    then = (await erm.get(f"{path}/terms?on=2027-04-01")).json()
    before = (await erm.get(f"{path}/terms?on=2026-12-31")).json()
    (event,) = await erm.announced(LicenceChanged)

    assert [(one["term"], one["use"], one["value"]) for one in now["terms"]] == [
        ("concurrent-users", None, 5),
        ("ill-print", "permitted", None),
        ("ai-training", "prohibited", None),
    ]
    assert [(one["use"], one["amendment_name"]) for one in then["terms"] if one["term"] == "ill-print"] == [
        ("prohibited", "No more lending")
    ]
    assert (before["in_force"], before["terms"]) == (False, [])
    facts = [
        (one.term, one.use, str(one.starts_on), str(one.ends_on), one.note) for one in event.licence.terms
    ]
    assert facts[-2:] == [
        ("ill-print", "permitted", "2027-01-01", "2027-03-31", "Within the country"),
        ("ill-print", "prohibited", "2027-04-01", "None", None),
    ]
    assert "secret" not in event.model_dump_json()
    assert "by phone" not in event.model_dump_json()
    assert (await erm.get("/v1/licences?status=active")).json()["items"] == [told]
    assert (await erm.get("/v1/licences?status=draft")).json()["items"] == []


async def test_a_licence_is_replaced_by_whoever_has_read_it_last(erm: Harness, make: Shelf) -> None:
    told = await make.licence(terms={"ill-print": "permitted"})
    path = f"/v1/licences/{told['id']}"

    answers = await asyncio.gather(*(make.put(path, told, name=name, terms=[]) for name in ("A", "B")))

    assert sorted(answer.status_code for answer in answers) == [200, 412]
    changed = next(answer for answer in answers if answer.status_code == 200).json()
    assert (changed["version"], changed["terms"]) == (2, [])
    assert (await erm.get(path)).json() == changed
    events = await erm.announced(LicenceChanged)
    assert [(event.version, event.what) for event in events] == [(1, "entered"), (2, "changed")]


async def test_everything_wrong_with_its_terms_is_told_at_once(erm: Harness) -> None:
    terms: list[dict[str, Any]] = [
        {"term": "ill-prinz", "use": "permitted"},
        {"term": "concurrent-users", "value": "five"},
        {"term": "ill-print", "use": "permitted"},
        {"term": "ill-print", "use": "prohibited"},
    ]
    amendments = [{"name": "A", "terms": [{"term": "usage-statistics", "value": "weekly"}]}]
    body = {"name": "L", "terms": terms, "amendments": amendments}

    refused = await erm.post("/v1/licences", json=body)
    odd = await erm.post(
        "/v1/licences", json={"name": "L", "documents": [{"name": "x", "url": "javascript:alert(1)"}]}
    )
    nobody = await erm.post(
        "/v1/licences", json={"name": "L", "licensor_id": "01890000-0000-7000-8000-00000000dead"}
    )

    assert refused.status_code == 422
    assert sorted(pointers(refused)) == [
        "/amendments/0/terms/0/value",
        "/terms/0/term",
        "/terms/1/value",
        "/terms/3/term",
    ]
    assert odd.status_code == 422
    assert codes(nobody) == ["organisation-unknown"]
    assert (await erm.get("/v1/licences")).json()["items"] == []


async def test_licences_are_compared_term_by_term(erm: Harness, make: Shelf) -> None:
    one = await make.licence(name="One", terms={"ill-print": "permitted", "walk-in-users": "permitted"})
    other = await make.licence(name="Other", terms={"ill-print": "prohibited", "walk-in-users": "permitted"})
    path = f"/v1/licences:compare?licence_id={one['id']}&licence_id={other['id']}"

    told = (await erm.get(path)).json()
    unlike = (await erm.get(f"{path}&differing_only=true")).json()
    alone = await erm.get(f"/v1/licences:compare?licence_id={one['id']}")

    assert [(term["term"], term["differs"]) for term in told["terms"]] == [
        ("walk-in-users", False),
        ("ill-print", True),
    ]
    assert [side["use"] for side in unlike["terms"][0]["sides"]] == ["permitted", "prohibited"]
    assert len(unlike["terms"]) == 1
    assert alone.status_code == 422


async def test_a_terms_kind_and_choices_stay_while_licences_speak_of_it(erm: Harness, make: Shelf) -> None:
    fresh = {"name": "Authors' rights", "kind": "choice", "choices": ["kept", "given"]}
    made = await make.post("/v1/licence-terms", {"code": "authors-rights"} | fresh)
    told = await make.licence(name="Speaks of it", terms={"authors-rights": {"value": "kept"}})
    path = "/v1/licence-terms/authors-rights"

    again = await erm.post("/v1/licence-terms", json={"code": "authors-rights"} | fresh)
    other_kind = await erm.put(
        path, json=fresh | {"kind": "text", "choices": []}, headers={"If-Match": '"1"'}
    )
    fewer = await erm.put(path, json=fresh | {"choices": ["given"]}, headers={"If-Match": '"1"'})
    gone = await erm.delete(path, headers={"If-Match": '"1"'})
    more = await erm.put(path, json=fresh | {"choices": ["kept", "shared"]}, headers={"If-Match": '"1"'})
    await make.put(f"/v1/licences/{told['id']}", told, terms=[])
    removed = await erm.delete(path, headers={"If-Match": '"2"'})

    assert made["version"] == 1
    assert codes(again) == ["licence-term-taken"]
    for refused in (other_kind, fewer, gone):
        assert (refused.status_code, codes(refused)) == (409, ["licence-term-in-use"])
        assert f"Speaks of it ({told['id']})" in refused.json()["reasons"][0]["text"]
    assert more.json()["choices"] == ["kept", "shared"]
    assert removed.status_code == 204
    assert (await erm.get(path)).status_code == 404


async def test_a_terms_kind_cannot_change_under_a_licence_that_is_being_entered(
    erm: Harness, make: Shelf
) -> None:
    await make.post("/v1/licence-terms", {"code": "seats", "name": "Seats", "kind": "integer"})
    body = {"name": "Seats", "kind": "text"}
    licence = {"name": "L", "terms": [{"term": "seats", "value": 5}]}
    async with erm.resources.pool.acquire() as holder, holder.transaction():
        await holder.execute("SELECT FROM licence_term WHERE code = 'seats' FOR UPDATE")
        tasks = [
            asyncio.create_task(erm.post("/v1/licences", json=licence)),
            asyncio.create_task(erm.put("/v1/licence-terms/seats", json=body, headers={"If-Match": '"1"'})),
        ]
        await all_wait(holder, len(tasks))
    entered, changed = await asyncio.gather(*tasks)

    # either the licence was first, and the kind stays; or the kind was, and the value does not fit it
    assert sorted((entered.status_code, changed.status_code)) in ([201, 409], [200, 422])


async def test_the_vocabulary_is_listed_page_by_page(erm: Harness) -> None:
    first = (await erm.get("/v1/licence-terms?limit=20")).json()
    second = (await erm.get(f"/v1/licence-terms?limit=20&cursor={first['next_cursor']}")).json()

    found = [term["code"] for page in (first, second) for term in page["items"]]
    assert found == sorted(found)
    assert {"ill-print", "ill-secure-electronic", "course-packs", "text-and-data-mining", "ai-training"} <= {
        *found
    }
    assert second["next_cursor"] is None


async def test_an_end_that_nobody_has_told_is_not_one_that_there_is_not(erm: Harness) -> None:
    make = await shelf(erm)
    amendment = {"name": "First", "status": "active"}
    made = {
        "explicit": await make.licence(ends_on="2028-12-31"),
        "open": await make.licence(open_ended=True, amendments=[amendment | {"open_ended": True}]),
        "unknown": await make.licence(amendments=[amendment]),
    }
    both = await erm.post(
        "/v1/licences",
        json={"name": "x", "amendments": [amendment | {"open_ended": True, "ends_on": "2028-12-31"}]},
    )
    agreement = await make.agreement(periods=[{"starts_on": "2027-01-01", "open_ended": True}])

    for end, licence in made.items():
        listed = (await erm.get(f"/v1/licences?end={end}")).json()["items"]
        assert [one["id"] for one in listed] == [licence["id"]]
    assert [made[end]["amendments"][0]["open_ended"] for end in ("open", "unknown")] == [True, False]
    assert both.status_code == 422
    assert agreement["periods"][0]["open_ended"] is True
