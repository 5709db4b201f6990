"""Harvesters are given Dublin Core by crosswalks of the library's own."""

from typing import Any

import pytest

from catalog.marc.record import Field
from catalog.oai.crosswalks import Crosswalk, Source, crosswalk_of
from catalog.oai.documents import HarvestFormatDoc
from support.harness import Harness
from support.shelves import Shelves, record

from .conftest import OAI, PAGE, Harvester

DC = "{http://purl.org/dc/elements/1.1/}"
OURS: dict[str, Any] = {
    "code": "our_dc",
    "elements": {
        "title": [{"tag": "245", "subfields": "ab", "joined": " "}],
        "subject": [{"tag": "69X", "subfields": "ax", "joined": " / "}, {"tag": "650", "ind2": "0"}],
        "identifier": [{"tag": "001", "before": "https://library.example/"}],
        "date": [{"tag": "008", "start": 7, "end": 11}],
    },
}
RECORD = record("r1", title="Walden").having(
    Field.data("650", " 7", ("a", "Einsamkeit")),
    Field.data("690", "  ", ("a", "Local"), ("x", " use "), ("9", "1"), ("a", "")),
    Field.data("690", "  ", ("a", "Local"), ("x", "use")),
)


@pytest.mark.parametrize(
    ("source", "values"),
    [
        (Source("245"), ["Walden"]),
        (Source("69X", "ax", joined=" / "), ["Local / use"]),
        (Source("690"), ["Local use"]),
        (Source("690", "9"), ["1"]),
        (Source("650", ind2="0"), ["Solitude"]),
        (Source("650"), ["Solitude", "Einsamkeit"]),
        (Source("001", before="no. "), ["no. r1"]),
        (Source("008", start=7, end=11), ["1854"]),
        (Source("008", start=90), []),
        (Source("001", "a"), []),
        (Source("999"), []),
    ],
)
def test_a_source_says_which_fields_and_what_of_them(source: Source, values: list[str]) -> None:
    assert Crosswalk({"subject": (source,)}).of(RECORD).get("subject", []) == values


def test_elements_that_are_not_told_are_as_shipped_or_there_is_nothing_of_them() -> None:
    own = OURS["elements"] | {"creator": []}
    alone, beside = (
        crosswalk_of(HarvestFormatDoc(code="x", elements=own, others=others).model_dump()).of(RECORD)
        for others in ("none", "oai_dc")
    )

    assert list(alone) == ["title", "subject", "date", "identifier"]
    assert alone["identifier"] == ["https://library.example/r1"]
    assert {name: beside[name] for name in alone} == alone
    assert (beside["language"], beside["type"], "creator" in beside) == (["eng"], ["text"], False)


async def test_harvesters_get_a_librarys_own_dublin_core_and_it_is_valid(
    catalog: Harness, shelves: Shelves, harvester: Harvester
) -> None:
    await shelves.title(RECORD)
    for number in range(PAGE):
        await shelves.title(record(f"n{number}"))
    await shelves.configure(harvest_formats=[OURS])
    await harvester.follow()

    formats = await harvester.ask(verb="ListMetadataFormats")
    pages = await harvester.pages(metadataPrefix="our_dc")
    one = (await harvester.headers(metadataPrefix="our_dc"))[0]["id"]
    got = await harvester.ask(
        verb="GetRecord", identifier=f"oai:library.example:{one}", metadataPrefix="our_dc"
    )
    token = str(
        (await harvester.ask(verb="ListRecords", metadataPrefix="our_dc")).findtext(
            f".//{OAI}resumptionToken"
        )
    )
    await shelves.configure(harvest_formats=[])
    gone = [
        await harvester.error(verb="ListRecords", metadataPrefix="our_dc"),
        await harvester.error(verb="ListRecords", resumptionToken=token),
    ]

    assert [str(each.text) for each in formats.iter(f"{OAI}metadataPrefix")][-1] == "our_dc"
    assert sum(len(list(page.iter(f"{OAI}record"))) for page in pages) == PAGE + 1
    assert [
        (each.tag.removeprefix(DC), each.text) for each in got.iter() if str(each.tag).startswith(DC)
    ] == [
        ("title", "Walden"),
        ("subject", "Local / use"),
        ("subject", "Solitude"),
        ("date", "1854"),
        ("identifier", "https://library.example/r1"),
    ]
    assert gone == ["cannotDisseminateFormat"] * 2


async def test_what_a_librarys_own_format_leaves_out_is_told(catalog: Harness, shelves: Shelves) -> None:
    title = await shelves.title(RECORD)
    await shelves.configure(harvest_formats=[OURS])
    door = f"/v1/titles/{title['id']}/losses"

    told = (await catalog.get(door, params={"metadata_prefix": "our_dc"})).json()
    refused = [
        await catalog.get(door, params=params)
        for params in (
            {"metadata_prefix": "none"},
            {},
            {"metadata_prefix": "our_dc", "media_type": "application/xml"},
        )
    ]

    assert (told["media_type"], told["metadata_prefix"]) == (None, "our_dc")
    lost = {(each["tag"], each["occurrence"], each["code"]) for each in told["losses"]}
    assert ("100", 1, None) in lost
    assert ("650", 2, None) in lost
    assert not {each for each in lost if each[0] in ("001", "008", "245")}
    assert [(each.status_code, each.json()["reasons"][0]["code"]) for each in refused] == [
        (422, "format-unknown"), (422, "one-of"), (422, "one-of"),
    ]  # fmt: skip


async def test_a_format_that_cannot_be_is_refused_with_every_flaw(catalog: Harness, shelves: Shelves) -> None:
    await shelves.configure(harvest_formats=[OURS])
    doc = (await catalog.get("/v1/configuration/catalog")).json()

    async def codes(*formats: dict[str, Any]) -> tuple[int, list[tuple[str, str]]]:
        answer = await catalog.put("/v1/configuration/catalog", json=doc | {"harvest_formats": list(formats)})
        return answer.status_code, [
            (each["code"], each["pointer"]) for each in answer.json().get("reasons", [])
        ]

    reserved = await codes(OURS | {"code": "marc21"}, OURS, OURS)
    malformed = [
        (await codes(OURS | {"elements": {"title": [source]}}))[0]
        for source in (
            {"tag": "001", "subfields": "a"},
            {"tag": "245", "start": 1},
            {"tag": "008", "start": 5, "end": 5},
            {"tag": "24"},
            {"tag": "245", "subfields": "A"},
        )
    ]
    unknown = await codes(OURS | {"elements": {"colour": []}})

    assert doc["harvest_formats"][0]["code"] == "our_dc"
    assert reserved == (
        422,
        [
            ("code-twice", "/harvest_formats/1/code"),
            ("code-twice", "/harvest_formats/2/code"),
            ("prefix-reserved", "/harvest_formats/0/code"),
        ],
    )
    assert malformed == [422] * 5
    assert unknown[0] == 422
