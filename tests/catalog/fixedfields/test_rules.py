"""Fields of fixed length: what each character says, and the field that says it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.fixedfields.rules import Layout, layouts, put_together, take_apart
from catalog.specifications import marc21

BOOK = "260101s1854    xxuabf   b    001 0beng d"


def test_no_two_elements_share_a_place_or_a_name_and_no_two_codes_a_word() -> None:
    for layout in layouts().values():
        places = [place for each in layout.elements for place in range(each.first, each.last + 1)]
        assert len(set(places)) == len(places)
        assert max(places) < layout.length
        assert len({each.name for each in layout.elements}) == len(layout.elements)
        for each in layout.elements:
            assert len(each.words()) == len(each.values)
            assert all(len(word) > each.width or each.kind == "codes" for word in each.words())


def test_no_value_is_offered_that_a_record_would_be_faulted_for() -> None:
    tables: dict[tuple[str, str], dict[int, str]] = {
        ("008", name): marc21.COMMON_008 | table for name, table in marc21.FIXED_008.items()
    }
    tables[("008", "holdings")] = marc21.HOLDINGS_008
    tables |= {("LDR", kind): table for kind, table in marc21.LEADER.items()}
    for key, table in tables.items():
        by_place = {
            place: each for each in layouts()[key].elements for place in range(each.first, each.last + 1)
        }
        for place, allowed in table.items():
            assert set("".join(by_place[place].values)) <= set(allowed), (key, place)


def test_a_book_is_taken_apart_into_words() -> None:
    values, faults = take_apart(layouts()["008", "books"], BOOK)

    assert faults == []
    assert values["date_type"] == "single"
    assert (values["date_1"], values["date_2"], values["place"], values["language"]) == (
        "1854", "", "xxu", "eng",
    )  # fmt: skip
    assert values["illustrations"] == ["illustrations", "maps", "plates"]
    assert (values["contents"], values["index"], values["biography"]) == (
        ["bibliographies"],
        "yes",
        "individual",
    )


@pytest.mark.parametrize(
    ("tag", "material", "value", "faults"),
    [
        ("008", "books", BOOK[:-1], [("length", None)]),
        ("008", "books", BOOK.replace("s1854", "?18x4"), [("value", "date_type"), ("value", "date_1")]),
        ("008", "books", BOOK.replace("abf ", "aQf "), [("value", "illustrations")]),
        ("008", "books", BOOK[:32] + "1" + BOOK[33:], [("undefined-position", None)]),
        ("007", "microform", "hx afb---buua", [("value", "designation")]),
        ("LDR", "bibliographic", "00000Xam a2200000 i 4500", [("value", "record_status")]),
        ("006", "music", "cqq|||||||||||||n|", [("value", "composition")]),
    ],
)
def test_every_fault_is_told_with_its_name(
    tag: str, material: str, value: str, faults: list[tuple[str, str | None]]
) -> None:
    found = take_apart(layouts()[tag, material], value)[1]

    assert [(each.code, each.name) for each in found] == faults


@pytest.mark.parametrize(
    ("tag", "material", "values", "base", "field"),
    [
        ("008", "books", {"language": "fre", "index": "no"}, BOOK, BOOK[:31] + "0" + BOOK[32:35] + "fre d"),
        ("008", "books", {"contents": []}, BOOK, BOOK[:24] + "    " + BOOK[28:]),
        ("008", "books", {"entered_on": "270301"}, None, "270301" + "|" * 26 + " " + "|" * 7),
        ("007", "sound-recording", {"designation": "disc", "speed": "33-rpm"}, None, "sd b||||||||||"),
        ("LDR", "bibliographic", {"record_status": "new", "record_type": "language-material",
                                  "bibliographic_level": "m", "character_coding": "unicode"}, None,
         "00000nam a2200000   4500"),
        ("008", "holdings", {"entered_on": "270301", "copies": "2", "lending_policy": "not-coded"}, None,
         "270301" + "|" * 11 + "002|||||||||||||"[:9] + "270301"),
    ],
)  # fmt: skip
def test_a_field_is_put_together(
    tag: str, material: str, values: dict[str, Any], base: str | None, field: str
) -> None:
    if material == "holdings":
        values = values | {"reported_on": "270301"}

    assert put_together(layouts()[tag, material], values, base=base) == (field, [])


@pytest.mark.parametrize(
    ("values", "faults"),
    [
        ({"x": "y"}, [("element-unknown", "x")]),
        ({"language": "english", "index": "perhaps", "contents": "maps", "date_1": 1854},
         [("value", "date_1"), ("value", "contents"), ("value", "index"), ("value", "language")]),
        ({"illustrations": ["maps"] * 5}, [("too-many", "illustrations")]),
        ({"illustrations": ["maps", "dragons"]}, [("value", "illustrations")]),
    ],
)  # fmt: skip
def test_everything_that_cannot_be_said_is_told_at_once(
    values: dict[str, Any], faults: list[tuple[str, str]]
) -> None:
    found = put_together(layouts()["008", "books"], values, base=BOOK)[1]

    assert [(each.code, each.name) for each in found] == faults


def test_what_must_be_known_is_asked_for() -> None:
    assert [each.name for each in put_together(layouts()["008", "books"], {})[1]] == ["entered_on"]
    leader = put_together(layouts()["LDR", "bibliographic"], {})[1]
    assert [each.name for each in leader] == ["record_status", "record_type", "bibliographic_level"]


@given(st.data(), st.sampled_from(sorted(layouts().values(), key=lambda each: (each.tag, each.material))))
def test_whatever_is_taken_apart_without_a_fault_is_put_together_as_it_was(
    data: st.DataObject, layout: Layout
) -> None:
    out = list(layout.template)
    for each in layout.elements:
        if each.kind == "code":
            piece = data.draw(st.sampled_from(sorted(each.values)))
        elif each.kind == "codes":
            some = st.lists(st.sampled_from(sorted(set(each.values) - {" "})), max_size=each.width)
            piece = "".join(data.draw(some)).ljust(each.width)
        else:
            piece = {"country": "xxu", "language": "eng"}.get(each.kind, "1" * each.width)
        out[each.first : each.last + 1] = piece
    value = "".join(out)

    values, faults = take_apart(layout, value)

    assert faults == []
    assert put_together(layout, values, base=layout.template) == (value, [])
