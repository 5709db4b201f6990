"""Which set a title belongs to."""

from typing import Any
from uuid import UUID

import pytest

from catalog.oai.membership import SetRule, Sorter
from catalog.search.documents import TitleDocument
from catalog.search.grammar import Masked
from catalog.search.matching import fields_of, matches

WALDEN = TitleDocument(
    UUID(int=1),
    "Walden; or, Life in the woods",
    author="Thoreau, Henry David",
    subjects=("Solitude", "Natural history"),
    year=1854,
    languages=("eng",),
    format="book",
    isbns=("9780141439518",),
    libraries=("MAIN", "LAW"),
    locations=("STACKS", "READING"),
    material_types=("book", "map"),
)
PLACES = ("MAIN/STACKS", "LAW/READING")


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ({}, True),
        ({"material_types": ("map", "score")}, True),
        ({"material_types": ("score",)}, False),
        ({"libraries": ("LAW",)}, True),
        ({"locations": ("LAW/READING",)}, True),
        ({"locations": ("LAW/STACKS",)}, False),
        ({"languages": ("ger", "eng"), "formats": ("book",)}, True),
        ({"languages": ("eng",), "formats": ("map",)}, False),
        ({"query": "woods"}, True),
        ({"query": '"life in the woods"'}, True),
        ({"query": '"woods life"'}, False),
        ({"query": "title:walden author:thoreau"}, True),
        ({"query": "author:walden"}, False),
        ({"query": "natur*"}, True),
        ({"query": "subject:natural -solitude"}, False),
        ({"query": "rome OR year:1850..1860"}, True),
        ({"query": "year:..1853"}, False),
        ({"query": "isbn:0141439513"}, True),
        ({"query": "language:eng library:MAIN"}, True),
        ({"query": "WALDÉN"}, True),
        ({"query": "woods", "libraries": ("MED",)}, False),
    ],
)
def test_every_condition_that_is_told_must_hold(rule: dict[str, Any], holds: bool) -> None:
    found = Sorter.of([SetRule("s", **rule)]).sets_of(WALDEN, PLACES)

    assert found == (["s"] if holds else [])


def test_a_word_with_gaps_fits_what_it_can_be_filled_to() -> None:
    held = fields_of(WALDEN)

    for pattern, field, fits in (
        ("wo*s", "any", True),
        ("w?lden", "title", True),
        ("w?lden", "author", False),
    ):
        assert matches(Masked(pattern, field), held) is fits


def test_only_what_may_move_a_title_makes_other_rules() -> None:
    before = Sorter.of([SetRule("s", "Woods", query="woods")]).digest()

    assert Sorter.of([SetRule("s", "Forests", "All of them", query="woods")]).digest() == before
    assert Sorter.of([SetRule("s", "Woods", query="wood")]).digest() != before
    assert Sorter.of([]).digest() == ""
