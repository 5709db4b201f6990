"""What is known of an item, which base states it may be set to by hand, and what of it contradicts itself."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final, NamedTuple

DESCRIBED: Final = (
    "accession_number", "enumeration", "chronology", "year_caption", "missing_pieces", "missing_pieces_text",
    "missing_pieces_on", "damaged_status", "damaged_on", "statistical_codes", "check_out_notes", "check_in_notes",
    "tags",
)  # fmt: skip
"""Facts that most items have none of."""
FACTS: Final = (
    "location_id", "temporary_location_id", "temporary_location_ends_at", "material_type", "loan_type",
    "temporary_loan_type", "temporary_loan_type_ends_at", "base_state", "call_number", "call_number_scheme",
    "shelving_key", "volume", "copy_number", "note", "suppressed", "pieces", "pieces_text", "intellectual",
    "purchase_minor", "purchase_currency", "replacement_minor", "replacement_currency", *DESCRIBED,
)  # fmt: skip
"""Facts that a change may set, as columns; beside them an item has a barcode, other call numbers and what it is bound
with. `location_id` says where it belongs; what stands in that column is made of it (`catalog.items.standing`)."""
LISTS: Final = frozenset({"statistical_codes", "check_out_notes", "check_in_notes", "tags"})
DATED: Final = {
    "missing_pieces_on": ("missing_pieces", "missing_pieces_text"),
    "damaged_on": ("damaged_status",),
}
"""A day, and the facts that were found on it."""

ENDING: Final = {
    "temporary_location_ends_at": "temporary_location_id",
    "temporary_loan_type_ends_at": "temporary_loan_type",
}
"""A moment, and what counts until then."""

SETTABLE: Final = frozenset(
    {"on-order", "in-process", "active", "missing", "long-missing", "damaged", "restricted", "unknown"}
)
"""`withdrawn` is reached by a withdrawal alone, since circulation has a say in it."""


def state_refusal(*, before: str, after: str) -> str | None:
    """Why this change of base state is not made, as a code; None when it is."""
    if before == after:
        return None
    if before == "withdrawn":
        return "item-withdrawn"
    if after == "withdrawn":
        return "withdrawal-needed"
    return None if after in SETTABLE else "base-state-unknown"


class Contradiction(NamedTuple):
    """Two facts that cannot both be true."""

    code: str
    text: str
    pointer: str
    mend: str | None = None


def contradictions(facts: Mapping[str, Any], *, on: date | None = None) -> Iterator[Contradiction]:
    """Everything about an item that cannot be, on this day where one is told."""
    missing, pieces = facts["missing_pieces"], facts["pieces"]
    if missing is not None and pieces is None:
        yield Contradiction(
            "pieces-uncounted", "Pieces can be missing only of those that were counted.", "/missing_pieces"
        )
    elif missing is not None and missing > pieces:
        yield Contradiction(
            "pieces-too-few", f"Of {pieces} pieces {missing} cannot be missing.", "/missing_pieces"
        )
    yield from endless(facts)
    for name in DATED:
        day = facts[name]
        if on is not None and day is not None and day > on:
            yield Contradiction("date-ahead", f"{day} has not come yet.", f"/{name}")


def endless(facts: Mapping[str, Any]) -> Iterator[Contradiction]:
    """Ends of what is not told at all."""
    for end, thing in ENDING.items():
        if facts.get(end) is not None and facts[thing] is None:
            yield Contradiction(
                "end-of-nothing", f"There is no {thing} that could end.", f"/{end}", f"Set {thing}, too."
            )


def over(changes: Mapping[str, Any], *, now: datetime) -> Iterator[Contradiction]:
    """Ends that are set to what has gone by."""
    for end in ENDING:
        if (moment := changes.get(end)) is not None and moment <= now:
            yield Contradiction(
                "end-passed",
                f"{moment.isoformat()} has gone by.",
                f"/{end}",
                f"Name a moment ahead; or clear {ENDING[end]}.",
            )


def ended(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, None]:
    """Ends that were told of what is something else from now on, or nothing, where nothing is said of them."""
    return {
        end: None
        for end, thing in ENDING.items()
        if before.get(end) is not None
        and end not in changes
        and changes.get(thing, before[thing]) != before[thing]
    }


def gone(facts: Mapping[str, Any], *, now: datetime) -> dict[str, None]:
    """What counted for a time that is over, with its end: nothing of it is left."""
    passed = [end for end in ENDING if (moment := facts.get(end)) is not None and moment <= now]
    return dict.fromkeys([*passed, *(ENDING[end] for end in passed)])


def dated(before: Mapping[str, Any], changes: Mapping[str, Any], *, on: date) -> dict[str, date | None]:
    """Days that go with what was changed: today, where none was told; none, where nothing is left to be dated."""
    told: dict[str, date | None] = {}
    for name, facts in DATED.items():
        after = [changes.get(fact, before[fact]) for fact in facts]
        if name in changes or after == [before[fact] for fact in facts]:
            continue
        told[name] = on if any(each is not None for each in after) else None
    return told
