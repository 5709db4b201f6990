"""Which shelves move, which become one, and what a record is known by afterwards."""

from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.marc.record import Field
from catalog.merges.rules import Beside, Conflict, Shelf, planned, united, with_identifiers
from support.shelves import record

A, B, C = (UUID(int=n) for n in (1, 2, 3))


def shelf(n: int, title: UUID, place: int, *, described: bool = False) -> Shelf:
    return Shelf(UUID(int=n), title, UUID(int=100 + place), "PS1", described)


def test_a_shelf_that_is_there_already_is_joined_and_others_move() -> None:
    plan = planned(A, [shelf(1, A, 1), shelf(2, B, 1), shelf(3, B, 2), shelf(4, C, 2)])

    assert [each.int for each in plan.moves] == [3]
    assert {one.int: other.int for one, other in plan.joins.items()} == {2: 1, 4: 3}


def test_a_record_is_inherited_and_two_records_clash() -> None:
    heir = planned(A, [shelf(1, A, 1), shelf(2, B, 1, described=True), shelf(3, C, 1, described=True)])

    assert {to.int: come.int for to, come in heir.inherit.items()} == {1: 2}
    assert [(one.int, other.int) for one, other in heir.clashes] == [(3, 1)]


@given(st.lists(st.tuples(st.sampled_from([A, B, C]), st.integers(0, 3)), max_size=12, unique=True))
@settings(max_examples=60)
def test_every_shelf_has_a_place_and_no_two_the_same(told: list[tuple[UUID, int]]) -> None:
    shelves = [shelf(n, title, place) for n, (title, place) in enumerate(told, 1)]
    plan = planned(A, shelves)

    stay = [each.id for each in shelves if each.title_id == A]
    assert sorted([*stay, *plan.moves, *plan.joins]) == sorted(each.id for each in shelves)
    by_id = {each.id: each for each in shelves}
    standing = [*stay, *plan.moves]
    assert len({by_id[each].place for each in standing}) == len(standing)
    assert all(by_id[one].place == by_id[to].place and to in standing for one, to in plan.joins.items())


def test_the_surviving_record_is_known_by_the_others_numbers() -> None:
    isbn = Field.data("020", "  ", ("a", "9780306406157"))
    survivor = record("one").having(isbn)
    gone = record("two").having(
        Field.control("003", "DLC"),
        isbn,
        Field.data("020", "  ", ("a", "0306406152"), ("q", "paper")),
        Field.data("035", "  ", ("a", "(OCoLC)123")),
    )

    told = with_identifiers(survivor, [gone, gone])

    assert [field.get("a") for field in told.fields("020", "035")] == [
        "9780306406157",
        "0306406152",
        "(OCoLC)123",
        "(DLC)two",
    ]
    assert [field.tag for field in told] == sorted(field.tag for field in told)
    assert with_identifiers(told, [gone]) is told


def test_codes_and_tags_are_joined_and_of_two_values_the_survivors_counts_and_the_other_is_told() -> None:
    here = Beside(A, ["s1"], ["x"], {"donor": "Curie", "project": ["maps"]})
    gone = Beside(B, ["s2"], ["y"], {"donor": "Bohr", "project": ["music", "maps"], "shelf": "red"})
    third = Beside(C, [], ["x"], {"shelf": "blue", "donor": "Curie"})

    told, conflicts = united(here, [gone, third])

    assert (told.statistical_codes, told.tags) == (["s1", "s2"], ["x", "y"])
    assert told.custom == {"donor": "Curie", "project": ["maps", "music"], "shelf": "red"}
    assert conflicts == [Conflict("donor", "Curie", "Bohr", B), Conflict("shelf", "red", "blue", C)]
    assert here.custom == {"donor": "Curie", "project": ["maps"]}
