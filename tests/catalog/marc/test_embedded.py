"""Holdings that ride in a bibliographic record, and what their items are of."""

import pytest

from catalog.holdings.rules import named, statements
from catalog.marc.embedded import held_in
from catalog.marc.items import PROFILES, items_of
from catalog.marc.record import Field, Record
from support.marc_records import LEADER

SERIAL = LEADER[:7] + "s" + LEADER[8:]


def place(library: str, *more: tuple[str, str]) -> Field:
    return Field.data("852", "8 ", *more, ("b", library), ("c", "STACKS"), ("h", "PS1"))


def line(tag: str, text: str, link: str | None = None) -> Field:
    return Field.data(tag, "41", *([("8", link)] if link is not None else []), ("a", text))


def told(*fields: Field, leader: str = SERIAL) -> list[tuple[str, list[str]]]:
    """Each shelf's library, and what is held there."""
    return [
        (shelf.get("b") or "", [each.text for each in statements(own)] if own is not None else [])
        for shelf, own in held_in(Record(leader, fields))
    ]


@pytest.mark.parametrize(
    ("fields", "held"),
    [
        ([line("866", "v.1")], []),
        ([place("A")], [("A", [])]),
        ([place("A"), line("866", "v.1-5"), line("867", "Suppl.")], [("A", ["v.1-5", "Suppl."])]),
        ([line("866", "v.0"), place("A"), line("866", "v.1"), place("B"), line("866", "v.2")],
         [("A", ["v.0", "v.1"]), ("B", ["v.2"])]),
        ([place("A", ("8", "1")), place("B", ("8", "2")), line("866", "v.2", "2"), line("866", "v.1", "1")],
         [("A", ["v.1"]), ("B", ["v.2"])]),
        ([place("A", ("8", "1")), line("866", "v.1", "1"), place("B", ("8", "1")), line("866", "v.2", "1")],
         [("A", ["v.1"]), ("B", ["v.2"])]),
        ([place("A", ("8", "1")), place("B", ("8", "2")), line("853", "v.", "2"), line("863", "3", "2.1")],
         [("A", []), ("B", ["v.3"])]),
        ([place("A"), place("B"), line("866", "v.1"), line("866", "v.2")], [("A", []), ("B", [])]),
    ],
    ids=["none", "a place alone", "one place", "by order", "by link", "links that are none", "captions", "unclear"],
)  # fmt: skip
def test_what_is_held_goes_with_its_place(fields: list[Field], held: list[tuple[str, list[str]]]) -> None:
    assert told(*fields) == held


def test_a_record_of_what_is_held_is_of_the_titles_kind() -> None:
    fields = [place("A", ("8", "1")), line("866", "v.1", "1")]
    (serial,), (book,) = (held_in(Record(leader, fields)) for leader in (SERIAL, LEADER))

    assert serial[1] is not None
    assert book[1] is not None
    assert (serial[1].leader[6], book[1].leader[6]) == ("y", "x")
    assert [each.all("8") for each in serial[1]] == [[], []]


PATTERN = Field.data("853", "20", ("8", "1"), ("a", "v."), ("b", "no."), ("i", "(year)"), ("j", "(month)"))


@pytest.mark.parametrize(
    ("values", "both"),
    [
        ([("a", "5"), ("b", "12"), ("i", "2025"), ("j", "12")], ("v.5:no.12", "2025:Dec.")),
        ([("a", "1-3"), ("i", "2021-2023")], ("v.1-v.3", "2021-2023")),
        ([("a", "7-"), ("i", "2025-")], ("v.7-", "2025-")),
        ([("a", "1-2"), ("i", "2021-2021")], ("v.1-v.2", "2021")),
        ([("i", "2025")], (None, "2025")),
        ([("z", "bound")], (None, None)),
    ],
)
def test_a_piece_is_named_by_its_captions(
    values: list[tuple[str, str]], both: tuple[str | None, str | None]
) -> None:
    assert named(PATTERN, Field.data("863", "41", ("8", "1.1"), *values)) == both


def test_an_item_tells_the_piece_that_it_is_linked_to() -> None:
    record = Record(
        SERIAL,
        [
            place("A"),
            PATTERN,
            Field.data("863", "41", ("8", "1.1"), ("a", "1"), ("b", "1"), ("i", "2024")),
            Field.data("863", "41", ("8", "1.2"), ("a", "1"), ("b", "2"), ("i", "2024"), ("j", "06")),
            Field.data("865", "41", ("8", "1.1"), ("a", "9")),
            Field.data("876", "  ", ("8", "1.2"), ("p", "b2")),
            Field.data("876", "  ", ("8", "1.9"), ("p", "b9")),
            Field.data("876", "  ", ("p", "b0")),
            Field.data("878", "  ", ("8", "1.1\\x"), ("p", "i1")),
        ],
    )

    items = {each.barcode: dict(each.described or {}) for each in items_of(record, PROFILES["standard"])}

    assert items == {
        "b2": {"enumeration": "v.1:no.2", "chronology": "2024:June"},
        "b9": {},
        "b0": {},
        "i1": {"enumeration": "9"},
    }


def test_a_material_type_stands_where_the_standard_leaves_room_and_a_temporary_location_is_none() -> None:
    item = Field.data("876", "  ", ("p", "b1"), ("h", "short"), ("l", "RESERVE"), ("9", "BOOK"))

    (told,) = items_of(Record(SERIAL, [place("A"), item]), PROFILES["standard"])

    assert (told.item_type, told.loan_type, told.location) == ("BOOK", "short", "STACKS")
