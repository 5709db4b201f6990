"""How alike titles are by what they are called, by example."""

from uuid import UUID

import pytest

from erm.instances.likeness import (
    ByName,
    Called,
    Likeness,
    Limits,
    Other,
    Why,
    alike,
    by_name,
    core_of,
    naming,
    similarity,
)
from erm.instances.rules import Name, Title


@pytest.mark.parametrize(
    ("name", "core"),
    [
        ("The Lancet", "lancet"),
        ("Annals of Botany & Zoology", "annals of botany zoology"),
        ("Annals of Botany and Zoology", "annals of botany zoology"),
        ("JAMA : the journal of the American Medical Association", "jama"),
        ("Nature (London)", "nature"),
        ("Acta Imaginaria [electronic resource]", "acta imaginaria"),
        ("Principles of Physics, 10th ed.", "principles of physics"),
        ("Principles of Physics (Second edition)", "principles of physics"),
        ("Grundlagen der Physik, 3. Auflage", "grundlagen der physik"),
        ("Physical Review A", "physical review a"),
        ("A", "a"),
        ("中文 期刊", "中文 期刊"),
    ],
)
def test_a_name_is_looked_for_by_its_core(name: str, core: str) -> None:
    assert (core_of(name), naming(name).core) == (core, core)


def test_the_measure_is_that_of_trigrams() -> None:
    assert similarity("annals of matter", "annals of matter") == 1
    assert 0.8 < similarity("annals of mater", "annals of matter") < 0.9
    assert similarity("annals of matter", "zoo") == 0


MATTER = Called("Annals of Matter")


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        (MATTER, Called("The annals of matter"), Likeness(100, (Why.SAME_NAME,))),
        (MATTER, Called("Annals of Mater"), Likeness(83, (Why.SIMILAR_NAME,))),
        (MATTER, Called("Annals of Matter: a review"), Likeness(98, (Why.SAME_NAME, Why.SUBTITLE_MISSING))),
        (Called("Matter: letters"), Called("Matter: biology"),
         Likeness(80, (Why.SAME_NAME, Why.SUBTITLE_DIFFERS))),
        (Called("Logic", author="Doe, Jane"), Called("Logic", author="Doe, J."),
         Likeness(100, (Why.SAME_NAME, Why.SAME_AUTHOR))),
        (Called("Logic", author="Doe"), Called("Logic", author="Roe"),
         Likeness(90, (Why.SAME_NAME, Why.AUTHOR_DIFFERS))),
        (Called("Logic", publisher="Ours"), Called("Logic", publisher="Theirs"),
         Likeness(100, (Why.SAME_NAME, Why.PUBLISHER_DIFFERS))),
        (Called("Logic", edition="2"), Called("Logic"), Likeness(100, (Why.SAME_NAME, Why.EDITION_UNTOLD))),
        (Called("Logic", edition="1st"), Called("Logic"), Likeness(100, (Why.SAME_NAME,))),
        (Called("Logic, 2nd ed."), Called("Logic", edition="Second"), Likeness(100, (Why.SAME_NAME,))),
        # told apart, whatever they are called
        (Called("Logic, 2nd ed."), Called("Logic", edition="3"), None),
        (Called("Logic", volume="1"), Called("Logic", volume="2"), None),
        (Called("Physical Review A"), Called("Physical Review B"), None),
        (Called("Reports 12"), Called("Reports 13"), None),
        (Called("Works II"), Called("Works III"), None),
        (Called("Works II"), Called("Works 2"), Likeness(54, (Why.SIMILAR_NAME,))),
    ],
)  # fmt: skip
def test_two_titles_are_alike_or_told_apart(one: Called, other: Called, found: Likeness | None) -> None:
    assert alike(one, other) == found == alike(other, one)


def title(number: int, kind: str = "serial") -> Title:
    return Title(UUID(int=number), UUID(int=100 + number), kind, "electronic")


def other(number: int, name: str, *numbered: tuple[str, str], kind: str = "serial") -> Other:
    return Other(title(number, kind), Called(name), frozenset(numbered))


SAME, NEAR = other(1, "The annals of matter"), other(2, "Annals of Mater")
LIKE = Likeness(100, (Why.SAME_NAME,)), Likeness(83, (Why.SIMILAR_NAME,))
ISSN = Name("issn", "2049-3630")
ONE, TWO = (UUID(int=1), LIKE[0]), (UUID(int=2), LIKE[1])


@pytest.mark.parametrize(
    ("names", "others", "taken", "limits", "found"),
    [
        ((), [NEAR, SAME], set(), Limits(), ByName(candidates=(ONE, TWO))),
        ((), [NEAR, SAME], set(), Limits(90), ByName(candidates=(ONE,))),
        ((), [SAME], set(), Limits(None), ByName()),
        ((), [SAME], {UUID(int=1)}, Limits(), ByName()),
        ((), [other(1, "Annals of Matter", kind="monograph")], set(), Limits(), ByName()),
        # taken by itself
        ((), [NEAR, SAME], set(), Limits(80, 95), ByName(title(1), LIKE[0])),
        ((), [NEAR], set(), Limits(80, 95), ByName(candidates=(TWO,))),
        ((), [NEAR, SAME], set(), Limits(80, 80), ByName(candidates=(ONE, TWO))),
        ((), [other(1, "Annals of Matter, 2nd ed.")], set(), Limits(80, 80),
         ByName(candidates=((UUID(int=1), Likeness(100, (Why.SAME_NAME, Why.EDITION_UNTOLD))),))),
        ((ISSN,), [SAME], set(), Limits(80, 95), ByName(title(1), LIKE[0])),
        # numbers that contradict each other
        ((ISSN,), [other(1, "Annals of Matter", ("electronic", "issn"))], set(), Limits(80, 80), ByName()),
        ((ISSN,), [other(1, "Annals of Matter", ("print", "issn"))], set(), Limits(80, 95),
         ByName(title(1), LIKE[0])),
    ],
    ids=[
        "both are asked about", "one is like enough", "nobody looks", "another row's", "a book", "taken",
        "not like enough", "two are", "something speaks against it", "a number, and none", "two numbers",
        "one number in print",
    ],
)  # fmt: skip
def test_which_titles_a_name_may_be_of(
    names: tuple[Name, ...], others: list[Other], taken: set[UUID], limits: Limits, found: ByName
) -> None:
    assert by_name(MATTER, "serial", names, others, taken=taken, limits=limits) == found
