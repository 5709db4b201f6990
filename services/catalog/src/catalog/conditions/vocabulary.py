"""What may be asked of titles, holdings and items.

Of an item its holdings and title may be asked, too, and of holdings their title; of a title whether *some* of its items
(or holdings) answer all that is asked of it at once.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from catalog.holdings.policy_rules import ASKED
from catalog.search.grammar import QueryProblem, parse
from chassis import conditions
from chassis.conditions import Fault, Node, Of, Vocabulary


class Kind(StrEnum):
    """What is asked for."""

    TITLES = "titles"
    HOLDINGS = "holdings"
    ITEMS = "items"


FIELDS: Final[Mapping[str, Of]] = {
    "title.id": Of.ID,
    "title.number": Of.NUMBER,
    "title.title": Of.TEXT,
    "title.author": Of.TEXT,
    "title.year": Of.NUMBER,
    "title.format": Of.CODE,
    "title.language": Of.LANGUAGE,
    "title.control_number": Of.TEXT,
    "title.control_agency": Of.CODE,
    "title.suppressed": Of.FLAG,
    "title.statistical_code": Of.CODE,
    "title.tag": Of.CODE,
    "title.created_at": Of.MOMENT,
    "title.updated_at": Of.MOMENT,
    "title.search": Of.SEARCH,
    "holdings.id": Of.ID,
    "holdings.location_id": Of.ID,
    "holdings.temporary_location_id": Of.ID,
    "holdings.temporary_location_ends_at": Of.MOMENT,
    "holdings.effective_location_id": Of.ID,
    "holdings.location": Of.CODE,
    "holdings.library": Of.CODE,
    "holdings.call_number": Of.TEXT,
    "holdings.other_call_numbers": Of.TEXT,
    "holdings.described": Of.FLAG,
    "holdings.suppressed": Of.FLAG,
    "holdings.statistical_code": Of.CODE,
    "holdings.digitisation_policy": Of.CODE,
    **{f"holdings.{name}": Of.CODE for name in ASKED},
    "holdings.created_at": Of.MOMENT,
    "holdings.updated_at": Of.MOMENT,
    "item.id": Of.ID,
    "item.barcode": Of.TEXT,
    "item.location_id": Of.ID,
    "item.temporary_location_id": Of.ID,
    "item.temporary_location_ends_at": Of.MOMENT,
    "item.effective_location_id": Of.ID,
    "item.location": Of.CODE,
    "item.library": Of.CODE,
    "item.material_type": Of.CODE,
    "item.loan_type": Of.CODE,
    "item.temporary_loan_type": Of.CODE,
    "item.temporary_loan_type_ends_at": Of.MOMENT,
    "item.effective_loan_type": Of.CODE,
    "item.base_state": Of.CODE,
    "item.availability": Of.CODE,
    "item.call_number": Of.TEXT,
    "item.other_call_numbers": Of.TEXT,
    "item.volume": Of.TEXT,
    "item.copy_number": Of.TEXT,
    "item.note": Of.TEXT,
    "item.pieces": Of.NUMBER,
    "item.missing_pieces": Of.NUMBER,
    "item.accession_number": Of.TEXT,
    "item.enumeration": Of.TEXT,
    "item.chronology": Of.TEXT,
    "item.year_caption": Of.TEXT,
    "item.damaged_status": Of.CODE,
    "item.statistical_code": Of.CODE,
    "item.tag": Of.CODE,
    "item.suppressed": Of.FLAG,
    "item.created_at": Of.MOMENT,
    "item.updated_at": Of.MOMENT,
}
_OWN: Final = re.compile(r"(?:title|item)\.custom\.[a-z][a-z0-9_]{0,39}")
SEEN_FROM: Final[Mapping[str, tuple[str, ...]]] = {
    Kind.TITLES: ("title",),
    Kind.HOLDINGS: ("holdings", "title"),
    Kind.ITEMS: ("item", "holdings", "title"),
}
SOME: Final[Mapping[str, tuple[str, ...]]] = {
    Kind.TITLES: (Kind.ITEMS, Kind.HOLDINGS),
    Kind.HOLDINGS: (Kind.ITEMS,),
    Kind.ITEMS: (),
}


def _search(told: str) -> str | None:
    try:
        parse(told)
    except QueryProblem as problem:
        return f"{problem.code}: {problem.message}"
    return None


VOCABULARY: Final = Vocabulary(
    fields=FIELDS,
    seen_from=SEEN_FROM,
    some=SOME,
    kinds={"title": Kind.TITLES, "holdings": Kind.HOLDINGS, "item": Kind.ITEMS},
    own=_OWN,
    search=_search,
)


def of_field(name: str) -> Of | None:
    """What a field is made of; None where there is no such field."""
    return VOCABULARY.of_field(name)


def read(told: Any, kind: Kind, *, at: str = "") -> tuple[Node | None, list[Fault]]:
    """The tree, or everything that is wrong with it."""
    return conditions.read(told, kind, VOCABULARY, at=at)
