"""What a harvester may ask, and what it is told when it asks otherwise."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.oai.rules import (
    Code,
    Fault,
    Place,
    Selection,
    asked,
    identifier,
    resumed,
    selection,
    stamp,
    title_of,
    token,
)

LIST = [("verb", "ListRecords"), ("metadataPrefix", "oai_dc")]
SECRET = b"kept in the database"
AT = datetime(2027, 3, 1, 9, 0, 0, 123456, tzinfo=UTC)
TITLE = UUID("01890000-0000-7000-8000-000000000001")
PLACE = Place(AT, TITLE, given=500, size=1200)


@pytest.mark.parametrize(
    ("pairs", "code", "words"),
    [
        ([], "badVerb", "one of"),
        ([("verb", "Listrecords")], "badVerb", "one of"),
        ([("verb", "Identify"), ("verb", "Identify")], "badVerb", "said once"),
        ([("verb", "Identify"), ("set", "a")], "badArgument", "set is no argument of Identify"),
        ([("verb", "GetRecord")], "badArgument", "identifier is missing; metadataPrefix is missing"),
        ([*LIST, ("from", "2027-01-01"), ("from", "2027-01-01")], "badArgument", "from is said twice"),
        ([*LIST, ("set", "")], "badArgument", "set is empty"),
        ([*LIST, ("set", "a" * 2001)], "badArgument", "too long"),
        ([*LIST, ("resumptionToken", "x")], "badArgument", "excludes every other"),
        (
            [("verb", "ListRecords"), ("Set", "a")],
            "badArgument",
            "Set is no argument of ListRecords; metadataPrefix",
        ),
        ([("verb", "GetRecord"), ("resumptionToken", "x")], "badArgument", "resumptionToken is no argument"),
    ],
)
def test_a_wrong_request_is_told_everything_that_is_wrong(
    pairs: list[tuple[str, str]], code: str, words: str
) -> None:
    with pytest.raises(Fault) as raised:
        asked(pairs)

    assert (raised.value.code, words in raised.value.message) == (code, True), raised.value.message


def test_a_token_stands_alone_with_its_verb() -> None:
    assert asked([("verb", "ListRecords"), ("resumptionToken", "x")]) == (
        "ListRecords",
        {"resumptionToken": "x"},
    )


@pytest.mark.parametrize(
    ("arguments", "since", "before"),
    [
        ({}, None, None),
        ({"from": "2027-03-01"}, datetime(2027, 3, 1, tzinfo=UTC), None),
        ({"until": "2027-03-01"}, None, datetime(2027, 3, 2, tzinfo=UTC)),
        ({"until": "2027-03-01T09:00:00Z"}, None, datetime(2027, 3, 1, 9, 0, 1, tzinfo=UTC)),
        (
            {"from": "2027-03-01T09:00:00Z", "until": "2027-03-01T09:00:00Z"},
            datetime(2027, 3, 1, 9, tzinfo=UTC),
            datetime(2027, 3, 1, 9, 0, 1, tzinfo=UTC),
        ),
        ({"until": "9999-12-31"}, None, None),
    ],
)
def test_both_bounds_are_included_to_the_day_or_second_they_name(
    arguments: dict[str, str], since: datetime | None, before: datetime | None
) -> None:
    assert selection({"metadataPrefix": "mods", **arguments}) == Selection("mods", since, before)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"metadataPrefix": "marc22"}, "cannotDisseminateFormat"),
        ({"from": "yesterday"}, "badArgument"),
        ({"from": "2027-02-30"}, "badArgument"),
        ({"from": "2027-03-01T09:00Z"}, "badArgument"),
        ({"from": "2027-03-01T09:00:00+01:00"}, "badArgument"),
        ({"from": "٢٠٢٧-03-01"}, "badArgument"),
        ({"from": "2027-03-01", "until": "2027-03-02T00:00:00Z"}, "badArgument"),
        ({"from": "2027-03-02", "until": "2027-03-01"}, "badArgument"),
        ({"set": "two words"}, "badArgument"),
    ],
)
def test_bounds_that_name_no_time_are_refused(arguments: dict[str, str], code: str) -> None:
    with pytest.raises(Fault) as raised:
        selection({"metadataPrefix": "oai_dc"} | arguments)

    assert raised.value.code == code


MOMENTS = st.none() | st.integers(min_value=-(2**51), max_value=2**52).map(
    lambda micros: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
)


@given(
    st.builds(
        Selection, st.sampled_from(["mods", "oai_dc"]), MOMENTS, MOMENTS, st.none() | st.text(max_size=9)
    )
)
def test_a_token_says_all_that_is_needed_to_go_on(wanted: Selection) -> None:
    told = token("ListRecords", wanted, PLACE, secret=SECRET)

    assert resumed(told, "ListRecords", secret=SECRET) == (wanted, PLACE)


@pytest.mark.parametrize("told", ["", "x", "AAAA", "ä", "=" * 9, "nonsense" * 40])
def test_a_token_from_nowhere_is_refused(told: str) -> None:
    with pytest.raises(Fault) as raised:
        resumed(told, "ListRecords", secret=SECRET)

    assert raised.value.code == Code.BAD_TOKEN


def test_a_token_of_another_place_or_verb_or_a_changed_one_is_refused() -> None:
    told = token("ListRecords", Selection("mods"), PLACE, secret=SECRET)
    other = token("ListRecords", Selection("mods"), replace(PLACE, given=0), secret=b"another library's")
    changed = told[:30] + ("A" if told[30] != "A" else "B") + told[31:]

    for each, verb in ((other, "ListRecords"), (changed, "ListRecords"), (told, "ListIdentifiers")):
        with pytest.raises(Fault) as raised:
            resumed(each, verb, secret=SECRET)
        assert raised.value.code == Code.BAD_TOKEN


@pytest.mark.parametrize(
    "told",
    [
        "",
        "oai:library.example:",
        "oai:other.example:{}",
        "oai:library.example:{}x",
        "OAI:library.example:{}",
        "{}",
    ],
)
def test_only_the_very_identifier_names_a_title(told: str) -> None:
    assert title_of(identifier("library.example", TITLE), "library.example") == TITLE
    with pytest.raises(Fault) as raised:
        title_of(told.format(TITLE), "library.example")

    assert raised.value.code == Code.NO_ID


def test_a_datestamp_is_never_rounded_up() -> None:
    assert stamp(AT + timedelta(microseconds=876543)) == "2027-03-01T09:00:00Z"
