"""What becomes of the tags of many records, and of the facts that are a library's own. No I/O."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from chassis.custom import Definition, Fault, told

OWN_FACTS: Final = ("tags", "custom")
"""Columns of titles and of items alike."""
REQUIRED: Final = "custom-field-required"


@dataclass(frozen=True, slots=True)
class TagsEdit:
    """Tags that are put on, taken off, or set in place of all others."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    replace: tuple[str, ...] | None = None

    def of(self, tags: Iterable[str]) -> list[str]:
        """The tags as they are to be, in order."""
        before = tags if self.replace is None else self.replace
        return sorted({*before, *self.add}.difference(self.remove))


@dataclass(frozen=True, slots=True)
class OwnEdit:
    """What is to become of them."""

    tags: TagsEdit | None = None
    custom: Mapping[str, Any] = field(default_factory=dict)
    """A merge patch (RFC 7396): what is left out stays, null clears."""

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return self.tags is not None or bool(self.custom)

    def of(self, row: Mapping[str, Any], known: Sequence[Definition]) -> tuple[dict[str, Any], list[Fault]]:
        """A record's tags and facts as they are to be, and everything that stands against it."""
        after: dict[str, Any] = {}
        faults: list[Fault] = []
        if self.tags is not None:
            after["tags"] = self.tags.of(row["tags"])
        if self.custom:
            after["custom"], faults = told(row["custom"], self.custom, known)
        return after, faults


def faults_of_all(changes: Mapping[str, Any], known: Sequence[Definition]) -> list[Fault]:
    """What stands against setting these facts, whatever record it is: a required one may be told there already."""
    return [
        each
        for each in told({}, changes, known)[1]
        if each.code != REQUIRED or changes.get(each.pointer.removeprefix("/custom/"), "") is None
    ]


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What differs of a library's own facts, each as a fact of its own."""
    return [
        {"field": f"custom.{code}", "before": before.get(code), "after": after.get(code)}
        for code in sorted({*before, *after})
        if before.get(code) != after.get(code)
    ]
