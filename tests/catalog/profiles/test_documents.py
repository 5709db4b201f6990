"""What a profile may say; a flaw is told with its place."""

from typing import Any

import pytest
from pydantic import ValidationError

from catalog.marc.record import Field, Record
from catalog.profiles.documents import SHIPPED, MatchDoc, ProfileDoc
from catalog.profiles.rules import Plan, plan_of, plan_told, shipped

ITEMS = {"tag": "949", "subfields": {"b": "barcode", "l": "location", "m": "library"}}


def plan(**told: Any) -> Plan:
    doc = ProfileDoc.model_validate({"name": "Ours", **told})
    return plan_of(doc.model_dump(mode="json", by_alias=True))


@pytest.mark.parametrize("code", sorted(SHIPPED.keys() - {"holdings"}))
def test_a_shipped_profile_says_as_a_document_what_it_has_always_done(code: str) -> None:
    doc = SHIPPED[code]

    told = plan_of(doc.model_dump(mode="json", by_alias=True))

    assert told.plain
    assert list(doc.flaws()) == []
    before = shipped(code)
    assert (told.items is None) == (before.items is None)
    if told.items is not None and before.items is not None:
        assert dict(told.items.profile.meanings) == dict(before.items.profile.meanings)
        assert (told.items.profile.tag, told.items.as_it_stands) == (before.items.profile.tag, True)


def test_a_job_of_an_earlier_release_goes_by_its_profiles_name() -> None:
    items = plan_told({"code": "local-949"}).items

    assert items is not None
    assert items.profile.tag == "949"
    assert plan_told({"code": None}).items is None


@pytest.mark.parametrize(
    ("match", "place", "code"),
    [
        ({"point": "author"}, "/match", "match-finds-nothing"),
        (
            {"weigh": [{"point": "isbn"}], "threshold": 2},
            "/match/threshold",
            "threshold-out-of-reach",
        ),
        (
            {"all": [{"all": [{"all": [{"all": [{"all": [{"all": [{"point": "isbn"}]}]}]}]}]}]},
            "/match/all/0/all/0/all/0/all/0/all/0/all/0",
            "match-too-deep",
        ),
        ({"any": [{"any": [{"point": "isbn"}] * 20}] * 4}, "/match/any/2/any/16", "match-too-long"),
    ],
    ids=["finds-nothing", "out-of-reach", "deep", "long"],
)
def test_a_flaw_is_told_with_its_place(match: dict[str, Any], place: str, code: str) -> None:
    doc = ProfileDoc.model_validate({"name": "Ours", "match": match})

    assert [(flaw.pointer, flaw.code) for flaw in doc.flaws()] == [(place, code)]


@pytest.mark.parametrize(
    "told",
    [
        {"match": {}},
        {"match": {"point": "isbn", "all": [{"point": "issn"}]}},
        {"match": {"point": "isbn", "tag": "020"}},
        {"match": {"point": "field", "tag": "500"}},
        {"match": {"weigh": [{"point": "isbn"}]}},
        {"match": {"point": "smell"}},
        {"overlay": {"add": [{"tag": "650"}]}},
        {"overlay": {"mode": "merge"}},
        {"overlay": {"mode": "merge", "add": [{"tag": "650"}], "preserve": [{"tag": "590"}]}},
        {"overlay": {"preserve": [{"tag": "650", "value": "x"}]}},
        {"strip": [{"tag": "65"}]},
        {"set": [{"tag": "001", "subfields": [{"code": "a", "value": "x"}]}]},
        {"set": [{"tag": "949", "subfields": [{"code": "a", "value": "x\x1dy"}]}]},
        {"holdings": {"items": {**ITEMS, "defaults": {"barcode": "1"}}}},
        {"holdings": {"items": {**ITEMS, "translate": {"location": {"a": "X", "A": "Y"}}}}},
        {"holdings": {"items": {**ITEMS, "subfields": {"b": "smell"}}}},
        {"unheard": "of"},
    ],
)
def test_what_contradicts_itself_is_not_taken(told: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ProfileDoc.model_validate({"name": "Ours", **told})


def test_not_keeps_its_name_on_the_wire() -> None:
    doc = MatchDoc.model_validate({"all": [{"point": "isbn"}, {"not": {"point": "year"}}]})

    assert MatchDoc.model_validate_json(doc.model_dump_json(by_alias=True)) == doc


def test_codes_are_translated_and_what_is_left_out_is_filled_in() -> None:
    record = Record(
        "00000nam a2200000 i 4500",
        [
            Field.data("050", " 0", ("a", "PS3048"), ("b", ".A1")),
            Field.data("949", "  ", ("b", "1"), ("l", "stk")),
            Field.data("949", "  ", ("b", "2"), ("m", "LAW"), ("l", "Reading")),
        ],
    )
    told = plan(
        holdings={
            "call_numbers": [{"tag": "090"}, {"tag": "050"}],
            "items": {
                **ITEMS,
                "translate": {"location": {"STK": "MAIN/STACKS"}},
                "defaults": {"item_type": "BOOK"},
            },
        }
    )

    items = told.items_of(record)

    assert [(i.barcode, i.library, i.location, i.call_number, i.item_type) for i in items] == [
        ("1", "MAIN", "STACKS", "PS3048 .A1", "BOOK"),
        ("2", "LAW", "Reading", "PS3048 .A1", "BOOK"),
    ]
