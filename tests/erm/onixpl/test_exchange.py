"""Licences go out as ONIX-PL and come in again; each way tells what is lost."""

from typing import Any
from xml.etree import ElementTree

import pytest

from support.desk import codes
from support.harness import Harness
from support.licensing import Shelf, shelf

NS = {"o": "http://www.editeur.org/onix-pl"}
XML = {"Content-Type": "application/xml"}
TERMS = {
    "ill-print": {"use": "permitted", "public_note": "Not to <companies> & others"},
    "ill-secure-electronic": "interpreted",
    "ill-electronic": "prohibited",
    "walk-in-users": "permitted",
    "remote-access": "silent",
    "scholarly-sharing": "permitted",
    "course-packs": "prohibited",
    "course-reserves": "permitted",
    "text-and-data-mining": "permitted",
    "concurrent-users": {"value": 25},
    "perpetual-access": "permitted",
    "archiving-copy": "prohibited",
    "governing-law": {"value": "The law of the river"},
}


@pytest.fixture
async def make(erm: Harness) -> Shelf:
    return await shelf(erm)


def said(licence: dict[str, Any]) -> dict[str, tuple[Any, Any, Any]]:
    return {one["term"]: (one["use"], one["value"], one["public_note"]) for one in licence["terms"]}


async def test_what_goes_out_comes_in_as_it_was(erm: Harness, make: Shelf) -> None:
    vendor = await make.post(
        "/v1/organisations", {"code": "RB", "name": "Riverbase Ltd", "roles": ["publisher"]}
    )
    licence = await make.licence(
        terms=TERMS, licensor_id=vendor["id"], starts_on="2027-01-01", ends_on="2029-12-31"
    )

    out = await erm.get(f"/v1/licences/{licence['id']}/onix-pl?on=2027-06-01")
    lost = (await erm.get(f"/v1/licences/{licence['id']}/onix-pl-losses?on=2027-06-01")).json()
    read = await erm.post("/v1/onix-pl-imports", content=out.content, headers=XML)

    assert (out.status_code, out.headers["content-type"], lost["losses"]) == (200, "application/xml", [])
    assert read.status_code == 200, read.text
    (told,) = read.json()["licences"]
    again = told["licence"]
    lasting = ("name", "status", "licensor_id", "starts_on", "ends_on")
    assert {name: again[name] for name in lasting} == {name: licence[name] for name in lasting}
    before, after = said(licence), said(again)
    law = after.pop("governing-law")
    assert (law[1], before.pop("governing-law")[1]) == ("The law of the river", "The law of the river")
    assert after == before
    assert {loss["path"].split("/")[1] for loss in told["losses"]} == {
        "ExpressionDetail[1]"
    }  # whose number it is


async def test_the_message_has_the_structure_of_the_standard(erm: Harness, make: Shelf) -> None:
    licence = await make.licence(terms=TERMS, starts_on="2027-01-01")
    out = await erm.get(f"/v1/licences/{licence['id']}/onix-pl?on=2027-06-01")

    root = ElementTree.fromstring(out.content)
    assert root.tag == "{http://www.editeur.org/onix-pl}ONIXPublicationsLicenseMessage"
    assert root.get("version") == "1.0"
    (expression,) = root.findall("o:PublicationsLicenseExpression", NS)
    assert [child.tag.partition("}")[2] for child in expression] == [
        "ExpressionDetail",
        "LicenseDetail",
        "Definitions",
        "UsageTerms",
        "ContinuingAccessTerms",
        "GeneralTerms",
    ]
    for usage in expression.iterfind("o:UsageTerms/o:Usage", NS):
        names = [child.tag.partition("}")[2] for child in usage]
        order = [
            "UsageType",
            "UsageStatus",
            "Annotation",
            "User",
            "UsedResource",
            "UsageMethod",
            "UsageQuantity",
        ]
        assert [name for name in order if name in names] == [name for name in names if name in order]
    days = expression.findall("o:Definitions/o:TimePointDefinition/o:TimePointIdentifier/o:IDValue", NS)
    assert [day.text for day in days] == ["20270101"]


async def test_what_onix_pl_has_no_words_for_is_told_and_what_is_internal_does_not_leave(
    erm: Harness, make: Shelf
) -> None:
    licence = await make.licence(
        open_ended=True,
        note="Call Ms Rivers",
        terms={
            "ai-training": "prohibited",
            "ill-print": {"use": "permitted", "internal": True, "public_note": "Hush"},
            "ill-electronic": {"use": "permitted", "internal_note": "Under the table"},
            "archiving-copy": "interpreted",
        },
        amendments=[
            {"name": "A1", "status": "active", "terms": [{"term": "course-packs", "use": "permitted"}]}
        ],
    )

    out = (await erm.get(f"/v1/licences/{licence['id']}/onix-pl")).text
    lost = (await erm.get(f"/v1/licences/{licence['id']}/onix-pl-losses")).json()["losses"]

    assert {(one["code"], one["path"]) for one in lost} == {
        ("open-end", "/open_ended"),
        ("amendments-folded", "/amendments"),
        ("not-told", "/note"),
        ("term-unknown", "/terms/ai-training"),
        ("internal", "/terms/ill-print"),
        ("internal-note", "/terms/ill-electronic"),
        ("interpreted", "/terms/archiving-copy"),
    }
    assert not any(word in out for word in ("Hush", "table", "Rivers", "onixPL:Fax"))
    assert "onixPL:CoursePackElectronic" in out  # what an amendment in force says


async def test_a_message_is_tried_and_what_is_none_is_refused(erm: Harness, make: Shelf) -> None:
    licence = await make.licence(terms={"ill-print": "permitted"}, name="Rivers")
    out = (await erm.get(f"/v1/licences/{licence['id']}/onix-pl")).content

    tried = await erm.post("/v1/onix-pl-imports?dry_run=true", content=out, headers=XML)
    key = "the same again"
    first, again = [
        await erm.post("/v1/onix-pl-imports", content=out, headers=XML, key=key) for _ in range(2)
    ]
    wrong = await erm.post("/v1/onix-pl-imports", content=b"<!DOCTYPE x><x/>", headers=XML)
    json = await erm.post("/v1/onix-pl-imports", json={})

    assert (tried.json()["dry_run"], tried.json()["licences"][0]["licence"]) == (True, None)
    assert tried.json()["licences"][0]["terms"][0]["term"] == "ill-print"
    assert first.json() == again.json()
    assert len((await erm.get("/v1/licences")).json()["items"]) == 2
    assert (wrong.status_code, codes(wrong)) == (422, ["not-onix-pl"])
    assert json.status_code == 415
