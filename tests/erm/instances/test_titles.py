"""Titles of the knowledge base: identifiers, coverage over packages, merging and splitting without loss."""

import asyncio
from typing import Any

from contracts.erm import TitleInstanceChanged
from support.knowing import Knowledge


def numbers(title: dict[str, Any]) -> list[str]:
    return [f"{each['namespace']}:{each['value']}" for each in title["identifiers"]]


async def found_by(kb: Knowledge, identifier: str) -> list[str]:
    return [each["id"] for each in (await kb.get(f"/v1/title-instances?identifier={identifier}"))["items"]]


async def test_an_identifier_is_of_one_title_in_its_medium_unless_somebody_approves(kb: Knowledge) -> None:
    one = await kb.title("Acta", "issn:20493630")
    number: dict[str, Any] = {"namespace": "issn", "value": "2049-3630"}
    body = {"name": "Acta", "kind": "serial", "identifiers": [number]}

    refused = await kb.erm.post("/v1/title-instances", json=body)
    printed = await kb.post("/v1/title-instances", body | {"medium": "print", "sibling_of": one["id"]})
    other = await kb.post("/v1/title-instances", body | {"identifiers": [number | {"approved": True}]})

    assert await kb.codes(refused, 409) == ["identifier-taken"]
    assert printed["work_id"] == one["work_id"]
    assert await found_by(kb, "issn:2049-3630") == [one["id"], printed["id"], other["id"]]
    assert [each["id"] for each in (await kb.get(f"/v1/title-instances/{one['id']}"))["siblings"]] == [
        printed["id"]
    ]


async def test_two_titles_with_one_number_at_once_are_one_and_a_refusal(kb: Knowledge) -> None:
    body = {"name": "Acta", "kind": "serial", "identifiers": [{"namespace": "issn", "value": "2049-3630"}]}

    answers = await asyncio.gather(*(kb.erm.post("/v1/title-instances", json=body) for _ in range(3)))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]


async def test_numbers_that_cannot_be_are_told_all_at_once(kb: Knowledge) -> None:
    wrong = ["issn:2049-3631", "isbn:12", "doi:x", "Not One:x"]
    told = [dict(zip(("namespace", "value"), each.split(":", 1), strict=True)) for each in wrong]

    answer = await kb.erm.post(
        "/v1/title-instances", json={"name": "x", "kind": "serial", "identifiers": told}
    )

    assert await kb.codes(answer, 422) == [
        "issn-check-digit",
        "isbn-malformed",
        "doi-malformed",
        "identifier-malformed",
    ]


async def test_coverage_of_several_packages_is_one_history_of_the_day(kb: Knowledge) -> None:
    title = await kb.title("Acta", "issn:2049-3630")
    for coverage, more in (
        ({"starts": "1990", "ends": "1995"}, {}),
        ({"starts": "1995", "ends": "2000"}, {"access_end_on": "2026-03-31"}),
        ({"starts": "2010", "embargo": "P12M"}, {}),
        ({"starts": "2020", "access_type": "F"}, {"access_start_on": "2027-01-01"}),
    ):
        await kb.item(await kb.package(), title, coverage=[coverage], **more)
    path = f"/v1/title-instances/{title['id']}/coverage"

    then, later = await kb.get(f"{path}?on=2026-03-31"), await kb.get(f"{path}?on=2027-04-01")

    assert then["paid"] == [
        {"first": "1990-01-01", "last": "2000-12-31"},
        {"first": "2010-01-01", "last": "2025-03-31"},
    ]
    assert then["free"] == []
    assert later["paid"] == [
        {"first": "1990-01-01", "last": "1995-12-31"},
        {"first": "2010-01-01", "last": "2026-04-01"},
    ]
    assert later["free"] == [{"first": "2020-01-01", "last": None}]
    assert len(later["items"]) == 4


async def test_titles_that_become_one_lose_nothing_and_can_be_split_again(kb: Knowledge) -> None:
    stays = await kb.title("Acta", "issn:2049-3630")
    goes = await kb.title("Acta Imaginaria", "issn:1476-4687", "doi:10.1000/acta")
    printed = await kb.title("Acta", "issn:0306-4522", medium="print", sibling_of=goes["id"])
    after = await kb.title("Nova Acta", preceded_by=goes["id"])
    package = await kb.package()
    item = await kb.item(package, goes, coverage=[{"starts": "1990"}])

    whole = await kb.post(f"/v1/title-instances/{stays['id']}/merges", {"title_ids": [goes["id"]]})

    assert numbers(whole) == ["doi:10.1000/acta", "issn:1476-4687", "issn:2049-3630"]
    assert (await kb.get(f"/v1/title-instances/{goes['id']}"))["merged_into"] == stays["id"]
    assert (await kb.get(f"/v1/title-instances/{printed['id']}"))["work_id"] == stays["work_id"]
    assert (await kb.get(f"/v1/title-instances/{after['id']}"))["preceded_by"] == stays["id"]
    moved = await kb.get(f"/v1/package-items/{item['id']}")
    assert (moved["title"]["id"], moved["coverage"]) == (stays["id"], item["coverage"])
    body = {"name": "x", "kind": "serial"}
    await kb.put(f"/v1/title-instances/{goes['id']}", body, 2, expect=409)

    apart = [each["id"] for each in whole["identifiers"] if each["value"] != "2049-3630"]
    split = {"name": "Acta Imaginaria", "identifier_ids": apart, "platform_ids": [kb.platform["id"]]}
    new = await kb.post(f"/v1/title-instances/{stays['id']}/splits", split)

    assert (numbers(new), new["split_from"]) == (["doi:10.1000/acta", "issn:1476-4687"], stays["id"])
    assert (await kb.get(f"/v1/package-items/{item['id']}"))["title"]["id"] == new["id"]
    assert numbers(await kb.get(f"/v1/title-instances/{stays['id']}")) == ["issn:2049-3630"]
    told = [(each.title_id, each.version, each.what) for each in await kb.erm.announced(TitleInstanceChanged)]
    of_stays = [each for each in told if str(each[0]) == stays["id"]]
    assert [each[1:] for each in of_stays] == [(1, "entered"), (2, "absorbed"), (3, "split")]
    for title_id in {each[0] for each in told}:
        versions = [version for each, version, _ in told if each == title_id]
        assert versions == list(range(1, len(versions) + 1))


async def test_print_and_online_are_no_one_title_nor_are_two_of_one_list(kb: Knowledge) -> None:
    one, other = await kb.title("Acta"), await kb.title("Acta")
    printed = await kb.title("Acta", medium="print")
    package = await kb.package()
    await kb.item(package, one)
    await kb.item(package, other)
    path = f"/v1/title-instances/{one['id']}/merges"

    in_print = await kb.erm.post(path, json={"title_ids": [printed["id"], one["id"]]})
    both = await kb.erm.post(path, json={"title_ids": [other["id"]]})

    assert await kb.codes(in_print, 422) == ["title-differs", "title-unknown"]
    assert await kb.codes(both, 409) == ["both-in-package"]


async def test_two_merge_the_same_title_at_once_and_one_is_told_so(kb: Knowledge) -> None:
    stays = [await kb.title("One"), await kb.title("Other")]
    goes = await kb.title("Third", "issn:2049-3630")

    answers = await asyncio.gather(
        *(
            kb.erm.post(f"/v1/title-instances/{each['id']}/merges", json={"title_ids": [goes["id"]]})
            for each in stays
        )
    )

    assert sorted(answer.status_code for answer in answers) == [201, 422]
    assert len(await found_by(kb, "issn:2049-3630")) == 1


async def test_nothing_is_split_that_is_not_there(kb: Knowledge) -> None:
    title, other = await kb.title("Acta"), await kb.title("Other", "issn:2049-3630")
    foreign = other["identifiers"][0]["id"]
    path = f"/v1/title-instances/{title['id']}/splits"

    answers = [
        await kb.erm.post(path, json={}),
        await kb.erm.post(path, json={"identifier_ids": [foreign], "platform_ids": [kb.platform["id"]]}),
    ]

    assert await kb.codes(answers[0], 422) == ["nothing-to-split"]
    assert await kb.codes(answers[1], 422) == ["identifier-unknown", "platform-unknown"]
    assert len((await kb.get("/v1/title-instances"))["items"]) == 2
