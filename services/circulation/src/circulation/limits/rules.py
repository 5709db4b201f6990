"""How many loans a patron may have by rule and by library (L18), and of new items and second copies. Decisions only.

A limit of the policy counts the loans made under it, a limit of the group all of them (patrons/rules.py). A limit
of a rule counts whatever its own criteria of the item take, whichever policy lent it; a limit by library counts
that library's items. What is claimed returned, and what is used in the library, does not count (L18).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from circulation.calendars.rules import Calendar
from circulation.policies.rules import NewItems, Rule

COMBINATION: Final = frozenset({"material_type", "loan_type"})
"""A rule with a limit names at least one of these; any other limit is the group's or the library's."""


@dataclass(frozen=True, slots=True)
class Out:
    """Open loans of one patron whose items have the same facts, and how many they are."""

    facts: Mapping[str, str | None]
    loans: int


@dataclass(frozen=True, slots=True)
class Reached:
    """A limit that stands in the way: the block that comes of it, how much there is, how much is allowed."""

    code: str
    text: str
    value: int
    limit: int


def out_by_rule(rule: Rule, out: Iterable[Out]) -> int:
    """How many open loans a rule's own criteria of the item take."""
    criteria = {name: criterion for name, criterion in rule.criteria.items() if name != "patron_group"}
    return sum(
        each.loans
        for each in out
        if all(criterion.holds(each.facts.get(name)) for name, criterion in criteria.items())
    )


def reached(
    rule: Rule, by_library: Mapping[str, int], library: str | None, out: Iterable[Out]
) -> tuple[Reached, ...]:
    """The limits of the rule and of the item's library that one more loan would pass."""
    told = list(out)
    found = []
    if rule.max_loans is not None and (value := out_by_rule(rule, told)) >= rule.max_loans:
        text = f"The patron has {value} of these out; the rule allows {rule.max_loans}."
        found.append(Reached("rule-loan-limit", text, value, rule.max_loans))
    limit = by_library.get(library or "")
    if limit is not None:
        value = sum(each.loans for each in told if each.facts.get("library") == library)
        if value >= limit:
            text = f"The patron has {value} items of {library} out; the group allows {limit}."
            found.append(Reached("library-loan-limit", text, value, limit))
    return tuple(found)


def too_new(
    policy: NewItems | None, calendar: Calendar, *, new_since: datetime | None, local: bool, now: datetime
) -> Reached | None:
    """That a new item stays with its own library for a while (L20); None where it may go.

    Days are counted on the calendar of the place: an item of which nothing says how old it is, is not new.
    """
    if policy is None or local or new_since is None:
        return None
    age = (calendar.day_of(now) - calendar.day_of(new_since)).days
    if age >= policy.days:
        return None
    text = (
        f"The item is new: for {policy.days} days it is lent by its own library alone; it is here for {age}."
    )
    return Reached("new-item-local", text, age, policy.days)
