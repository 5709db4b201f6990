"""What differs between two records, down to the position."""

import pytest

from catalog.marc.record import Field, Record
from catalog.titles.rules import differences

LEADER = "00000nam a2200000 i 4500"
F008 = "260101s1854    xx                  eng d"


def made(*fields: Field, leader: str = LEADER) -> Record:
    return Record(leader, fields)


def subject(*subfields: tuple[str, str], indicators: str = " 0") -> Field:
    return Field.data("650", indicators, *subfields)


A, B, C = (subject(("a", word)) for word in ("Ants", "Bees", "Crabs"))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (made(A, B), made(A, B), []),
        (made(A), made(A, B), [("added", "650", 2, ())]),
        (made(A, B, C), made(A, C), [("removed", "650", 2, ())]),
        (made(A, B), made(A, C), [("changed", "650", 2, ("$a",))]),
        (made(A, B), made(B, A), [("moved", "650", 1, ()), ("moved", "650", 2, ())]),
        (made(A, A), made(A), [("removed", "650", 2, ())]),
        (
            made(subject(("a", "Ants"), ("x", "Law"))),
            made(subject(("a", "Ants"), ("z", "Peru"), indicators=" 7")),
            [("changed", "650", 1, ("ind2", "$x", "$z"))],
        ),
        (
            made(subject(("x", "Law"), ("a", "Ants"))),
            made(subject(("a", "Ants"), ("x", "Law"))),
            [("changed", "650", 1, ("order",))],
        ),
        (
            made(Field.control("008", F008)),
            made(Field.control("008", F008.replace("1854", "1971").replace("eng", "ger"))),
            [("changed", "008", 1, ("08-10", "35-37"))],
        ),
        (made(leader=LEADER), made(leader=LEADER.replace("00000nam", "00420cam")), [("changed", "LDR", 1, ("05",))]),
        (made(leader=LEADER), made(leader="00420nam a2200120 i 4500"), []),
        (
            made(A, Field.data("700", "1 ", ("a", "X"))),
            made(Field.data("700", "1 ", ("a", "X")), A),
            [("moved", "700", 1, ()), ("moved", "650", 1, ())],
        ),
    ],
    ids=[
        "same", "added", "removed", "changed", "moved", "one-of-two-equal", "indicator-and-subfields", "order",
        "positions", "leader", "reckoned-lengths", "moved-among-tags",
    ],
)  # fmt: skip
def test_differences(
    before: Record, after: Record, told: list[tuple[str, str, int, tuple[str, ...]]]
) -> None:
    found = differences(before, after)

    assert [(each.kind, each.tag, each.occurrence, each.parts) for each in found] == told
