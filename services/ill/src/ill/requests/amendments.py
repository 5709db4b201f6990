"""What is told of a request that is changed after it was sent: ISO 18626 has no message for it but a note."""

from collections.abc import Mapping
from typing import Any, Final

from ill.iso18626.composing import costs
from ill.requests.case import Case
from ill.requests.effects import BORROWING, act_towards, effect

_CITED: Final = {
    "title": "title",
    "author": "author",
    "edition": "edition",
    "publisher": "publisher",
    "place": "place",
    "year": "year",
    "isbn": "ISBN",
    "issn": "ISSN",
    "eissn": "eISSN",
    "doi": "DOI",
    "pmid": "PMID",
    "oclc": "OCLC number",
    "article_title": "article",
    "article_author": "author of the article",
    "volume": "volume",
    "issue": "issue",
    "pages": "pages",
}
_ASKED: Final = {
    "need_before": "needed before",
    "service_level": "service level",
    "max_cost": "maximum cost",
    "preferred_edition": "preferred edition",
    "any_edition": "any edition",
    "note": "note",
}
"""What a supplier was told of a request, and in which words."""


def changes_told(before: Mapping[str, Any], after: Mapping[str, Any]) -> str | None:
    """What a supplier should know that was told otherwise before, in one line; None: nothing.

    Where the patron fetches it is not the supplier's to know.
    """
    changes = [
        (words, before["citation"].get(name), after["citation"].get(name)) for name, words in _CITED.items()
    ] + [(words, _plain(before, name), _plain(after, name)) for name, words in _ASKED.items()]
    told = [f"{words}: {now or 'none'} (was: {was or 'none'})" for words, was, now in changes if was != now]
    return f"Changed: {'; '.join(told)}" if told else None


def _plain(row: Mapping[str, Any], name: str) -> str | None:
    """A value of a request, as it is read."""
    value: Any = row[name]
    if name == "max_cost":
        told = costs(value, row["currency"])
        return f"{told['monetaryValue']} {told['currencyCode']}" if told else None
    if name == "need_before":
        return value.date().isoformat() if value is not None else None
    if isinstance(value, bool):
        return "yes" if value else "no"
    return None if value is None else str(value)


@effect(BORROWING, name="say-amended")
async def say_amended(case: Case) -> None:
    """Notification, in words: a machine reads none of it, whoever fetches it from the shelf does."""
    if case.told.note is not None:
        await act_towards(case, "Notification", case.told.note)
