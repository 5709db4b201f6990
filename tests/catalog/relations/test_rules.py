"""What linking entries and links say."""

from catalog.marc.record import Field
from catalog.relations.rules import Link, links, relations
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


def test_every_address_is_a_link() -> None:
    first, second, third = links(SERIAL)

    assert (first.url, second.url) == ("https://x.example/a", "https://x.example/b")
    assert (first.relation, first.notes) == ("resource", ("free",))
    assert third == Link("https://x.example/c", None, "Picture", "Cover", ())
