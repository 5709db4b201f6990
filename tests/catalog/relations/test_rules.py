"""What linking entries and links say."""

import pytest

from catalog.marc.record import Field
from catalog.relations.rules import BACK, KINDS, Link, links, named, relations
from support.shelves import record

SERIAL = record("s").having(
    Field.data(
        "773", "08", ("i", "In:"), ("t", "Essays"), ("g", "Vol. 2, p. 5-9"), ("w", "(DLC)  123"), ("w", "77")
    ),
    Field.data(
        "776", "18", ("i", "Online version:"), ("a", "Thoreau"), ("t", "Walden"), ("z", "0-306-40615-2")
    ),
    Field.data("780", "05", ("t", "Old journal"), ("x", "0378-5955"), ("x", "1234-5678")),
    Field.data("785", "0x", ("s", "New journal")),
    Field.data(
        "856", "40", ("u", "https://x.example/a"), ("u", " "), ("u", "https://x.example/b"), ("z", "free")
    ),
    Field.data("856", "4 ", ("3", "Cover"), ("y", "Picture"), ("u", "https://x.example/c")),
)


def test_relations_are_told_in_words() -> None:
    host, form, before, after = relations(SERIAL)

    assert (host.kind, host.label, host.part, host.shown) == ("host", "In:", "Vol. 2, p. 5-9", True)
    assert host.numbers == (("DLC", "123"), (None, "77"))
    assert (form.kind, form.author, form.isbns, form.shown) == (
        "other-form",
        "Thoreau",
        ("9780306406157",),
        False,
    )
    assert (before.kind, before.how, before.issns) == ("preceding", "absorbed", ("0378-5955",))
    assert (after.kind, after.how, after.title) == ("succeeding", None, "New journal")


def test_a_series_is_a_relation_where_it_says_which_title_it_is() -> None:
    told = relations(
        record("v").having(
            Field.data("830", " 0", ("a", "Lecture notes ;"), ("v", "7"), ("w", "(XX)5"), ("x", "0378-5955")),
            Field.data("830", " 0", ("a", "No number ;"), ("v", "8")),
            Field.data("800", "1 ", ("a", "Mann, Thomas."), ("t", "Werke ;"), ("v", "2"), ("w", "6")),
        )
    )

    assert [(each.kind, each.author, each.title, each.part) for each in told] == [
        ("series", "Mann, Thomas.", "Werke ;", "2"),
        ("series", None, "Lecture notes ;", "7"),
    ]


@pytest.mark.parametrize(
    ("linked", "keys"),
    [
        ([("w", "(DLC)  123")], ("w:number|DLC|123",)),
        ([("w", "77")], ("w:number|XX|77", "w:number||77")),
        ([("x", "0378-5955"), ("x", "03785955")], ("x:0378-5955",)),
        ([("x", "1234-5678"), ("z", "no")], ()),
        ([("z", "0-306-40615-2")], ("z:9780306406157",)),
    ],
)
def test_a_linking_entry_names_a_title_by_what_it_can_be_known_by(
    linked: list[tuple[str, str]], keys: tuple[str, ...]
) -> None:
    assert named(linked, "XX") == keys


def test_every_way_there_has_a_way_back() -> None:
    assert all(BACK.get(BACK[kind], kind) == kind for kind in BACK if kind != "series")
    assert BACK.keys() == set(KINDS.values()) - {"data-source"}


def test_every_address_is_a_link() -> None:
    first, second, third = links(SERIAL)

    assert (first.url, second.url) == ("https://x.example/a", "https://x.example/b")
    assert (first.relation, first.notes) == ("resource", ("free",))
    assert third == Link("https://x.example/c", None, "Picture", "Cover", ())
