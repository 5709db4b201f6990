"""Two configurations compared; a draft brought onto what has come into force since it was begun."""

from collections.abc import Mapping
from typing import Any

from circulation.places.documents import CODED, ConfigurationDoc


def entries(doc: ConfigurationDoc) -> dict[str, dict[str, Any]]:
    """Every entry by section and code; rules by line, whatever stands alone under its own name."""
    told: dict[str, dict[str, Any]] = {
        section: {entry.code: entry for entry in getattr(doc, section)} for section in CODED
    }
    told["rules"] = {f"line {line}": rule for line, rule in enumerate(doc.rules, 1)}
    alone = {name: getattr(doc, name) for name in ConfigurationDoc.model_fields if name not in told}
    return told | {name: {name: value} for name, value in alone.items()}


def brought_onto(
    base: ConfigurationDoc, draft: ConfigurationDoc, current: ConfigurationDoc
) -> tuple[ConfigurationDoc, list[str]]:
    """What the draft changed of its base, changed in the current one; pointers to what both changed differently.

    Entries with codes are compared one by one. Rules are read in order, so they are one thing.
    """
    conflicts: list[str] = []
    changed: dict[str, Any] = {}
    for name in ConfigurationDoc.model_fields:
        old, mine, theirs = (getattr(doc, name) for doc in (base, draft, current))
        if name in CODED:
            changed[name], told = _by_code(old, mine, theirs)
            conflicts += [f"/{name}/{code}" for code in told]
        elif mine == old:
            changed[name] = theirs
        else:
            changed[name] = mine
            conflicts += [f"/{name}"] if theirs not in (old, mine) else []
    return draft.model_copy(update=changed), conflicts


def _by_code(base: list[Any], draft: list[Any], current: list[Any]) -> tuple[list[Any], list[str]]:
    old, mine, theirs = ({entry.code: entry for entry in entries} for entries in (base, draft, current))
    chosen, conflicts = [], []
    for code in [*mine, *(code for code in theirs if code not in mine)]:
        entry, told = _one(code, old, mine, theirs)
        chosen += [entry] if entry is not None else []
        conflicts += [code] if told else []
    return chosen, conflicts


def _one(
    code: str, old: Mapping[str, Any], mine: Mapping[str, Any], theirs: Mapping[str, Any]
) -> tuple[Any, bool]:
    """The entry that counts, and whether both sides changed it differently."""
    before, here, there = old.get(code), mine.get(code), theirs.get(code)
    if here == before:
        return there, False
    return here, there not in (before, here)
