"""What a page of a foreign knowledge base's change feed says, record by record. Pure: no clock, no I/O."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

LONGEST_PAGE: Final = 4 * 1024 * 1024
"""Bytes of a page."""
MOST_RECORDS: Final = 1000
LONGEST: Final = 300
FINDINGS: Final = 100
"""Records that could not be taken that are told of one harvest."""
_GONE: Final = frozenset({"retired", "deleted", "withdrawn"})


class NoPage(Exception):
    """It is no page of a feed; why, for staff."""


@dataclass(frozen=True, slots=True)
class Record:
    """A package as its knowledge base has it now."""

    reference: str
    name: str
    withdrawn: bool = False
    list_url: str | None = None
    """Where its title list (KBART) is fetched."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """A record that cannot be taken."""

    reference: str | None
    code: str
    text: str

    def as_json(self) -> dict[str, str | None]:
        return {"reference": self.reference, "code": self.code, "text": self.text}


@dataclass(frozen=True, slots=True)
class Page:
    """What came at once."""

    records: tuple[Record, ...]
    flaws: tuple[Flaw, ...]
    next: str | None
    """What the next page is asked by; None: this was the last."""


def page(content: bytes) -> Page:
    """`{"records": [{"uuid", "name", "status", "list_url"} …], "next": …}`; `NoPage`. Of a record that is there twice
    the last counts."""
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        raise NoPage("it is no JSON") from None
    if not isinstance(told, dict) or not isinstance(told.get("records"), list):
        raise NoPage("it has no records")
    if len(told["records"]) > MOST_RECORDS:
        raise NoPage(f"it has more than {MOST_RECORDS} records")
    following = told.get("next")
    if following is not None and not (isinstance(following, str) and 0 < len(following) <= 2000):
        raise NoPage("its next is no text")
    records: dict[str, Record] = {}
    flaws = []
    for each in told["records"]:
        found = _record(each)
        if isinstance(found, Flaw):
            flaws.append(found)
        else:
            records[found.reference] = found
    return Page(tuple(records[name] for name in sorted(records)), tuple(flaws), following)


def _record(told: object) -> Record | Flaw:
    if not isinstance(told, Mapping):
        return Flaw(None, "record-malformed", "It is no object.")
    reference, name, status = (
        _text(told, *names) for names in (("uuid", "reference"), ("name",), ("status",))
    )
    if reference is None or len(reference) > 200 or any(letter.isspace() for letter in reference):
        return Flaw(None, "reference-missing", "It has no uuid or reference.")
    if name is None:
        return Flaw(reference, "name-missing", "It has no name.")
    return Record(
        reference, name[:LONGEST], (status or "").lower() in _GONE, _text(told, "list_url", "listUrl")
    )


def _text(told: Mapping[str, Any], *names: str) -> str | None:
    for name in names:
        value = told.get(name)
        if isinstance(value, str) and value.strip() and len(value) <= 2000 and "\0" not in value:
            return value.strip()
    return None
