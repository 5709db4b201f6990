"""What becomes of a record's fields, action by action."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from catalog.bulkedits.documents import Action, TitlesEdit
from catalog.bulkedits.fields import CannotEdit, applied, protected, shown, told
from catalog.marc.record import Field, Record

ONE: TypeAdapter[Any] = TypeAdapter(Action)
LEADER = "00000nam a2200000 i 4500"
RECORD = Record(
    LEADER,
    [
        Field.control("001", "r1"),
        Field.control("008", "260101s1854    xx                  eng d"),
        Field.data("245", "10", ("6", "880-01"), ("a", "Walden /"), ("c", "H. D. Thoreau.")),
        Field.data("500", "  ", ("a", "Old note"), ("5", "X")),
        Field.data("650", " 0", ("a", "Solitude"), ("x", "Ponds")),
        Field.data("650", " 7", ("a", "Einsamkeit"), ("2", "gnd")),
        Field.data("856", "40", ("u", "http://old.example/1"), ("z", "ISBN 978-3"), ("z", "old")),
        Field.data("880", "10", ("6", "245-01/$1"), ("a", "瓦尔登湖")),
    ],
)


def lines(record: Record, *tags: str) -> list[str | None]:
    return [shown(field) for field in record.fields(*tags)]


@pytest.mark.parametrize(
    ("action", "tags", "result"),
    [
        ({"do": "add-field", "tag": "590", "subfields": [{"code": "a", "value": "Gift"}]}, ["590"], ["## $a Gift"]),
        ({"do": "add-field", "tag": "500", "subfields": [{"code": "a", "value": "New"}], "only_absent": True},
         ["500"], ["## $a Old note $5 X"]),
        ({"do": "add-field", "tag": "650", "ind2": "0",
          "subfields": [{"code": "a", "value": "Solitude"}, {"code": "x", "value": "Ponds"}]},
         ["650"], ["#0 $a Solitude $x Ponds", "#7 $a Einsamkeit $2 gnd"]),
        ({"do": "remove-field", "tag": "650", "where": {"ind2": "7"}}, ["650"], ["#0 $a Solitude $x Ponds"]),
        ({"do": "remove-field", "tag": "650",
          "where": {"code": "2", "value": "GND", "ignore_case": True, "unless": True}},
         ["650"], ["#7 $a Einsamkeit $2 gnd"]),
        ({"do": "remove-field", "tag": "650", "where": {"code": "a", "value": "sam", "match": "contains"}},
         ["650"], ["#0 $a Solitude $x Ponds"]),
        ({"do": "remove-field", "tag": "245"}, ["245", "880"], []),
        ({"do": "remove-subfield", "tag": "856", "code": "z"}, ["856"], ["40 $u http://old.example/1"]),
        ({"do": "remove-subfield", "tag": "856", "code": "z", "value": "old"},
         ["856"], ["40 $u http://old.example/1 $z ISBN 978-3"]),
        ({"do": "remove-subfield", "tag": "650", "code": "a", "where": {"code": "2"}},
         ["650"], ["#0 $a Solitude $x Ponds", "#7 $2 gnd"]),
        ({"do": "set-subfield", "tag": "856", "code": "z", "value": "new"},
         ["856"], ["40 $u http://old.example/1 $z new $z old"]),
        ({"do": "set-subfield", "tag": "650", "code": "2", "value": "lcsh", "where": {"ind2": "0"}},
         ["650"], ["#0 $a Solitude $x Ponds $2 lcsh", "#7 $a Einsamkeit $2 gnd"]),
        ({"do": "set-subfield", "tag": "856", "code": "z", "value": "new", "only_absent": True},
         ["856"], ["40 $u http://old.example/1 $z ISBN 978-3 $z old"]),
        ({"do": "replace-text", "tag": "856", "code": "u", "find": "http://old.", "replacement": "https://new.",
          "match": "start"},
         ["856"], ["40 $u https://new.example/1 $z ISBN 978-3 $z old"]),
        ({"do": "replace-text", "tag": "856", "code": "u", "find": "old.example/", "match": "start"},
         ["856"], ["40 $u http://old.example/1 $z ISBN 978-3 $z old"]),
        ({"do": "replace-text", "tag": "245", "code": "a", "find": " /", "match": "end"},
         ["245"], ["10 $6 880-01 $a Walden $c H. D. Thoreau."]),
        ({"do": "replace-text", "tag": "856", "code": "z", "find": "old", "match": "whole"},
         ["856"], ["40 $u http://old.example/1 $z ISBN 978-3"]),
        ({"do": "replace-text", "tag": "856", "code": "z", "find": "###-#", "replacement": "n", "match": "pattern"},
         ["856"], ["40 $u http://old.example/1 $z ISBN n $z old"]),
        ({"do": "replace-text", "tag": "500", "code": "a", "find": "OLD", "replacement": r"\1", "ignore_case": True},
         ["500"], [r"## $a \1 note $5 X"]),
        ({"do": "replace-text", "tag": "500", "code": "a", "find": ".*"}, ["500"], ["## $a Old note $5 X"]),
        ({"do": "move-subfield", "tag": "650", "code": "x", "to_code": "v"},
         ["650"], ["#0 $a Solitude $v Ponds", "#7 $a Einsamkeit $2 gnd"]),
        ({"do": "copy-subfield", "tag": "650", "code": "x", "to_code": "y"},
         ["650"], ["#0 $a Solitude $x Ponds $y Ponds", "#7 $a Einsamkeit $2 gnd"]),
        ({"do": "move-subfield", "tag": "500", "code": "5", "to_tag": "590", "to_code": "a"},
         ["500", "590"], ["## $a Old note", "## $a X"]),
        ({"do": "copy-subfield", "tag": "650", "code": "a", "to_tag": "653", "to_code": "a"},
         ["653"], ["## $a Solitude", "## $a Einsamkeit"]),
        ({"do": "set-indicator", "tag": "650", "indicator": 2, "value": "4", "where": {"code": "2", "unless": True}},
         ["650"], ["#4 $a Solitude $x Ponds", "#7 $a Einsamkeit $2 gnd"]),
        ({"do": "move-field", "tag": "500", "to_tag": "590"}, ["500", "590"], ["## $a Old note $5 X"]),
    ],
)  # fmt: skip
def test_an_action_does_what_it_says_and_no_more(
    action: dict[str, Any], tags: list[str], result: list[str | None]
) -> None:
    after = applied(RECORD, [ONE.validate_python(action)])

    assert lines(after, *tags) == result
    rest = [field for field in RECORD if field.tag not in tags and field.tag != "880"]
    assert [field for field in after if field.tag not in tags and field.tag != "880"] == rest
    assert applied(after, [ONE.validate_python(action)]) == after or "copy" not in action["do"]


@pytest.mark.parametrize(
    "action",
    [
        {"do": "remove-field", "tag": "001"},
        {"do": "remove-field", "tag": "008"},
        {"do": "remove-field", "tag": "6XX"},
        {"do": "set-subfield", "tag": "650", "code": "A", "value": "x"},
        {"do": "set-subfield", "tag": "650", "code": "a", "value": "x\x1fy"},
        {"do": "replace-text", "tag": "650", "code": "a", "find": ""},
        {"do": "replace-text", "tag": "650", "code": "a", "find": "x", "replacement": "\x1e"},
        {"do": "set-indicator", "tag": "650", "indicator": 3, "value": "1"},
        {"do": "remove-field", "tag": "650", "where": {"value": "x"}},
        {"do": "run", "tag": "650"},
    ],
)
def test_what_would_harm_a_record_is_not_even_read(action: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ONE.validate_python(action)


def test_a_value_grows_within_bounds() -> None:
    long = Record(LEADER, [Field.data("500", "  ", ("a", "a" * 9_000))])
    action = ONE.validate_python(
        {"do": "replace-text", "tag": "500", "code": "a", "find": "a", "replacement": "b" * 2000}
    )

    with pytest.raises(CannotEdit) as caught:
        applied(long, [action])
    assert caught.value.code == "value-too-long"


@pytest.mark.parametrize("find", ["?" * 200 + "x", "#" * 200, "a" * 199 + "x"])
def test_no_pattern_takes_long(find: str) -> None:
    long = Record(LEADER, [Field.data("500", "  ", ("a", "a1" * 20_000))])
    action = ONE.validate_python(
        {"do": "replace-text", "tag": "500", "code": "a", "find": find, "match": "pattern"}
    )
    began = time.process_time()

    applied(long, [action])

    assert time.process_time() - began < 1


def test_what_the_library_protects_is_named_with_the_action() -> None:
    edit = TitlesEdit.model_validate(
        {
            "fields": [
                {"do": "remove-field", "tag": "500"},
                {"do": "move-field", "tag": "650", "to_tag": "590"},
            ]
        }
    )

    assert protected(edit.fields, ["59X", "700"]) == {"590": 1}
    assert protected(edit.fields, ["6XX", "500"]) == {"500": 0, "650": 1}
    assert protected(edit.fields, []) == {}


def test_differences_are_told_field_by_field() -> None:
    action = ONE.validate_python({"do": "set-indicator", "tag": "650", "indicator": 2, "value": "4"})

    assert told(RECORD, applied(RECORD, [action]))[0] == {
        "field": "650[1]",
        "kind": "changed",
        "before": "#0 $a Solitude $x Ponds",
        "after": "#4 $a Solitude $x Ponds",
    }


CODES = st.sampled_from("ab2")
TEXTS = st.text("ab #?\\é", min_size=1, max_size=4)
FIELDS = st.builds(
    lambda tag, ind, subfields: Field.data(tag, ind, *subfields),
    st.sampled_from(["500", "650"]),
    st.sampled_from(["  ", " 0", "10"]),
    st.lists(st.tuples(CODES, TEXTS), min_size=1, max_size=4),
)
ACTIONS = st.one_of(
    st.fixed_dictionaries(
        {"do": st.just("replace-text"), "tag": st.just("650"), "code": CODES, "find": TEXTS, "replacement": TEXTS,
         "match": st.sampled_from(["part", "whole", "start", "end", "pattern"]), "ignore_case": st.booleans()}
    ),
    st.fixed_dictionaries(
        {"do": st.sampled_from(["move-subfield", "copy-subfield"]), "tag": st.just("650"), "code": CODES,
         "to_code": CODES, "to_tag": st.sampled_from([None, "690"])}
    ),
    st.fixed_dictionaries({"do": st.just("remove-subfield"), "tag": st.just("650"), "code": CODES}),
    st.fixed_dictionaries(
        {"do": st.just("set-subfield"), "tag": st.just("650"), "code": CODES, "value": TEXTS}
    ),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(FIELDS, max_size=5), st.lists(ACTIONS, min_size=1, max_size=3))
def test_whatever_is_done_other_fields_stay_and_the_record_stays_whole(
    fields: list[Field], asked: list[dict[str, Any]]
) -> None:
    record = Record(LEADER, fields)

    after = applied(record, [ONE.validate_python(each) for each in asked])

    assert after.fields("500") == record.fields("500")
    assert after.leader == record.leader
    assert all(field.subfields and field.is_plain for field in after)
    assert all(value for field in after.fields("650", "690") for _, value in field.subfields)


@pytest.mark.parametrize(
    ("action", "leader", "fixed"),
    [
        ({"tag": "008", "name": "language", "value": "fre"}, LEADER, "260101s1854    xx                  fre d"),
        ({"tag": "008", "name": "illustrations", "value": ["maps", "a"]}, LEADER,
         "260101s1854    xx ba               eng d"),
        ({"tag": "LDR", "name": "encoding_level", "value": "minimal"}, "00000nam a22000007i 4500",
         "260101s1854    xx                  eng d"),
        ({"tag": "007", "name": "color", "value": "mixed"}, LEADER, "260101s1854    xx                  eng d"),
        ({"tag": "008", "name": "frequency", "value": "daily"}, LEADER, "260101s1854    xx                  eng d"),
    ],
    ids=["a text", "several", "the leader", "no such field", "of another material"],
)  # fmt: skip
def test_an_element_of_a_fixed_field_is_set(action: dict[str, Any], leader: str, fixed: str) -> None:
    after = applied(RECORD, [ONE.validate_python({"do": "set-element", **action})])

    assert (after.leader, after.control("008")) == (leader, fixed)
    assert list(after)[2:] == list(RECORD)[2:]


def test_what_an_element_cannot_say_is_refused_with_its_name() -> None:
    wrong = {"do": "set-element", "tag": "008", "name": "language", "value": "english"}
    short = RECORD.without("008").having(Field.control("008", "260101"))

    for record, action in ((RECORD, wrong), (short, wrong | {"value": "eng"})):
        with pytest.raises(CannotEdit, match="language"):
            applied(record, [ONE.validate_python(action)])
    with pytest.raises(ValidationError, match="no 008 has an element colour"):
        ONE.validate_python(wrong | {"name": "colour"})
    assert protected([ONE.validate_python(wrong)], ["00X"]) == {"008": 0}
    assert protected([ONE.validate_python(wrong | {"tag": "LDR", "name": "record_type"})], ["00X"]) == {}
