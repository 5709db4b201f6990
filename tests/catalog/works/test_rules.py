"""Which titles are of one work: examples."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.marc.record import Field, Record
from catalog.works.rules import components, contained, parted, work_keys
from support.marc_records import LEADER, RECORDS


def book(title: str, *more: Field, who: str = "Kafka, Franz,", skip: int = 0, leader: str = LEADER) -> Record:
    author = [Field.data("100", "1 ", ("a", who), ("d", "1883-1924."))] if who else []
    return Record(leader, [*author, *more, Field.data("245", f"1{skip}", ("a", title), ("b", "a novel /"))])


def uniform(title: str, *more: tuple[str, str], tag: str = "240", skip: int = 0) -> Field:
    return Field.data(tag, f"{skip} " if tag == "130" else f"1{skip}", ("a", title), *more)


TRIAL = book("Der Prozess :", skip=4)
ADDRESS = ("1", "http://viaf.org/viaf/180962018")


@pytest.mark.parametrize(
    "other",
    [
        book("Der Prozeß.", skip=4),
        book("The trial /", uniform("Prozess.", ("l", "English"), ("f", "1998"))),
        book("Le procès", Field.data("765", "08", ("t", "Prozess"), ("w", "(XX)1"))),
        book("Der Prozess", skip=4, who="KAFKA, FRANZ", leader="00000nim a2200000 i 4500"),
    ],
    ids=["spelling", "uniform-title", "translation-of", "read-aloud"],
)
def test_editions_and_translations_are_of_one_work(other: Record) -> None:
    assert set(work_keys(TRIAL)) & set(work_keys(other))


@pytest.mark.parametrize(
    "other",
    [
        book("Der Prozess", skip=4, who="Weiss, Peter"),
        book("Das Schloss", skip=4),
        book("Der Prozess", skip=4, leader="00000ngm a2200000 i 4500"),
        book("Der Prozess", skip=4, leader="00000nas a2200000 i 4500"),
        book("Gesammelte Werke", uniform("Works."), Field.data("500", "  ", ("a", "Der Prozess"))),
    ],
    ids=["author", "title", "film", "serial", "collected"],
)
def test_what_only_looks_alike_is_not(other: Record) -> None:
    assert not set(work_keys(TRIAL)) & set(work_keys(other))


def test_two_selections_of_works_are_no_one_work() -> None:
    one, other = (
        book(title, uniform("Works.", ("l", "English"))) for title in ("Stories", "Letters to Milena")
    )

    assert not set(work_keys(one)) & set(work_keys(other))


def test_a_title_without_an_author_stands_for_itself_unless_it_has_a_uniform_title() -> None:
    assert work_keys(book("Proceedings", who="")) == []
    beowulf = [
        book(title, uniform("Beowulf.", tag="130"), who="")
        for title in ("Beowulf: a translation", "Das Lied")
    ]
    assert work_keys(beowulf[0]) == work_keys(beowulf[1]) != []


@pytest.mark.parametrize(
    "field",
    [
        uniform("Prozess", ADDRESS),
        Field.data("758", "  ", ("4", "http://rdaregistry.info/Elements/m/P10231"), ADDRESS),
        Field.data("758", "  ", ("i", "Has work manifested:"), ("a", "Prozess"), ADDRESS),
    ],
)
def test_the_address_of_a_work_is_enough(field: Field) -> None:
    assert set(work_keys(book("Ein anderer Titel", field, who="Other, An"))) & set(
        work_keys(book("Something", uniform("Else", ADDRESS), who="Third, A"))
    )


def test_an_address_of_something_else_is_none_of_the_work() -> None:
    field = Field.data("758", "  ", ("i", "Has expression manifested:"), ADDRESS)

    assert not [key for key in work_keys(book("X", field)) if key.startswith("uri:")]


@given(RECORDS)
def test_any_record_has_keys_that_can_be_stored(record: Record) -> None:
    told = work_keys(record)

    assert len(told) == len(set(told)) <= 20
    assert all(len(key) < 60 and key.isascii() for key in told)


A, B, C, D = (UUID(int=number) for number in range(1, 5))


@pytest.mark.parametrize(
    ("members", "together", "groups"),
    [
        ({A: ["x"], B: ["x"], C: ["y"]}, set(), [{A, B}, {C}]),
        ({A: ["x"], B: ["y"], C: ["x", "y"]}, set(), [{A, B, C}]),
        ({A: ["x"], B: ["y"], C: ["z"]}, {"x", "z"}, [{A, C}, {B}]),
        ({A: [], B: [], C: ["x"]}, set(), [{A}, {B}, {C}]),
        ({}, set(), []),
    ],
)
def test_titles_fall_into_groups_by_their_keys(
    members: dict[UUID, list[str]], together: set[str], groups: list[set[UUID]]
) -> None:
    assert components(members, together) == groups


@given(
    st.dictionaries(
        st.integers(1, 12).map(lambda n: UUID(int=n)), st.lists(st.sampled_from("abcdef"), max_size=3)
    )
)
def test_no_group_shares_a_key_with_another_and_none_is_loosely_held(members: dict[UUID, list[str]]) -> None:
    groups = components(members, set())

    assert sorted(each for group in groups for each in group) == sorted(members)
    keys = [{key for one in group for key in members[one]} for group in groups]
    assert all(not keys[at] & keys[to] for at in range(len(keys)) for to in range(at))
    for group, held in zip(groups, keys, strict=True):
        reached, grown = {min(group)}, True
        while grown:
            has = {key for one in reached for key in members[one]}
            more = {one for one in group if has & set(members[one])} | reached
            grown, reached = more != reached, more
        assert reached == group, held


def analytic(*subfields: tuple[str, str], tag: str = "700", indicators: str = "12") -> Field:
    return Field.data(tag, indicators, *subfields)


@pytest.mark.parametrize(
    ("field", "author", "title", "alone"),
    [
        (
            analytic(("a", "Kafka, Franz,"), ("d", "1883-1924."), ("t", "Prozess."), ("l", "English")),
            "Kafka, Franz",
            "Prozess",
            TRIAL,
        ),
        (
            analytic(("i", "Contains (work):"), ("a", "Kafka, Franz."), ("t", "Prozeß"), indicators="1 "),
            "Kafka, Franz",
            "Prozeß",
            TRIAL,
        ),
        (
            analytic(("a", "Kafka, Franz"), ("t", "The process"), ADDRESS),
            "Kafka, Franz",
            "The process",
            book("Amerika", uniform("Anything", ADDRESS)),
        ),
        (
            analytic(("a", "Bach, Johann Sebastian"), ("t", "Partitas"), ("n", "BWV 825."), ("m", "piano")),
            "Bach, Johann Sebastian",
            "Partitas BWV 825. piano",
            book("Partita", uniform("Partitas", ("n", "BWV 825."), ("m", "piano")), who="Bach, Johann Sebastian"),
        ),
        (
            analytic(("a", "The Nibelungenlied."), ("l", "English"), tag="730", indicators="42"),
            None,
            "The Nibelungenlied",
            book("Das Lied der Nibelungen", uniform("Nibelungenlied", tag="130"), who=""),
        ),
    ],
    ids=["indicator", "relationship", "address", "music", "anonymous"],
)  # fmt: skip
def test_a_collection_names_the_works_in_it(
    field: Field, author: str | None, title: str, alone: Record
) -> None:
    (part,) = contained(book("Collected novels", field))

    assert (part.author, part.title) == (author, title)
    assert set(part.keys) & set(work_keys(alone))


@pytest.mark.parametrize(
    "field",
    [
        analytic(("a", "Kafka, Franz"), ("t", "Prozess"), indicators="1 "),
        analytic(("i", "Based on (work):"), ("a", "Kafka, Franz"), ("t", "Prozess"), indicators="1 "),
        analytic(("a", "Kafka, Franz")),
        analytic(("a", "Kafka, Franz"), ("t", " / ")),
    ],
    ids=["named", "made-after", "a-person", "no-words"],
)
def test_what_is_only_named_is_not_in_it(field: Field) -> None:
    assert contained(book("Collected novels", field)) == []


def test_a_part_without_a_name_of_its_own_is_told_and_leads_nowhere() -> None:
    parts = contained(
        book(
            "Works",
            analytic(("a", "Kafka, Franz"), ("t", "Short stories")),
            analytic(("a", "Kafka, Franz"), ("t", "Short stories")),
            analytic(("t", "Amerika")),
        )
    )

    assert [(each.author, each.title, each.keys) for each in parts] == [
        ("Kafka, Franz", "Short stories", ()),
        (None, "Amerika", ()),
    ]


A, B, C, D = (UUID(int=number) for number in range(1, 5))


@pytest.mark.parametrize(
    ("members", "leaving", "torn"),
    [
        ({A: ["a"], B: ["b"]}, {B}, set()),
        ({A: ["a"], B: ["b"], C: ["b", "new"], D: ["new"]}, {B, C, D}, set()),
        ({A: ["a"], B: ["b"], C: ["a", "new"], D: ["new"]}, {B}, set()),
        ({A: ["a"], B: ["corrected"]}, {B}, set()),
        ({A: ["a"], B: ["a"]}, set(), set()),
        ({A: ["a"], B: ["b"], C: ["a", "b"]}, set(), {C}),
        ({A: ["a", "new"], B: ["b", "new"]}, set(), {A, B}),
        ({A: ["a"], B: []}, {B}, set()),
    ],
    ids=["each", "came-by-its-keys", "came-by-ours", "other-keys", "ours-by-now", "of-both", "held-by-both", "no-key"],
)  # fmt: skip
def test_a_work_that_is_taken_out_again_has_what_it_brought_and_what_came_by_it(
    members: dict[UUID, list[str]], leaving: set[UUID], torn: set[UUID]
) -> None:
    assert parted(members, {B}, ours={"a"}, theirs={"b"}) == (leaving, torn)
