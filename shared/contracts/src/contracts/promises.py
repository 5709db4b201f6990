"""An event may grow and never break: what a changed JSON Schema would break, for readers old and new.

Events are kept for 35 days and read by releases older and newer than the one that wrote them. So an old reader
must understand what is written now, and a new reader what was written then.
"""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems")
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")


def broken(old: Schema, new: Schema) -> list[str]:
    """Every promise of the old schema that the new one does not keep, by the place in the data."""
    found = [
        f"{name} has changed"
        for name in ("x-subject", "x-partition")
        if name in old and old[name] != new.get(name)
    ]
    return found + list(dict.fromkeys(_differences(old, new, old, new, "", ())))


def _differences(
    old: Schema, new: Schema, olds: Schema, news: Schema, at: str, seen: tuple[tuple[str, str], ...]
) -> Iterator[str]:
    step = (str(old.get("$ref")), str(new.get("$ref")))
    if "$ref" in old and "$ref" in new and step in seen:
        return
    seen = (*seen, step)
    old, new = _resolved(old, olds), _resolved(new, news)
    before, after = _kinds(old, olds), _kinds(new, news)
    where = at or "/"
    if gone := sorted(before.keys() - after.keys()):
        yield f"{where} is no longer {' or '.join(gone)}"
    if come := sorted(after.keys() - before.keys()):
        yield f"{where} may now be {' or '.join(come)}"
    for kind in sorted(before.keys() & after.keys()):
        yield from _inside(before[kind], after[kind], olds, news, at, seen)


def _inside(
    old: Schema, new: Schema, olds: Schema, news: Schema, at: str, seen: tuple[tuple[str, str], ...]
) -> Iterator[str]:
    where = at or "/"
    had, has = old.get("properties", {}), new.get("properties", {})
    needed, needs = set(old.get("required", ())), set(new.get("required", ()))
    yield from (f"{at}/{name} is gone" for name in had if name not in has)
    yield from (f"{at}/{name} may be missing now" for name in sorted(needed - needs) if name in has)
    yield from (f"{at}/{name} is required, and older events lack it" for name in sorted(needs - needed))
    for name in had.keys() & has.keys():
        yield from _differences(had[name], has[name], olds, news, f"{at}/{name}", seen)
    for part in ("items", "additionalProperties"):
        if isinstance(old.get(part), dict) and isinstance(new.get(part), dict):
            yield from _differences(old[part], new[part], olds, news, f"{at}/*", seen)
    for name in ("enum", "const"):
        allowed = [
            told if name == "enum" else [told] for one in (old, new) if (told := one.get(name)) is not None
        ]
        if len(allowed) == 2 and set(map(str, allowed[0])) != set(map(str, allowed[1])):
            yield f"{where} takes other values"
        elif len(allowed) == 1:
            yield f"{where} is {'no longer' if name in old else 'now'} one of a few values"
    for name in ("format", "pattern", *LOWER, *UPPER):
        if old.get(name) != new.get(name):
            yield f"{where} has another {name}"


def _resolved(schema: Schema, whole: Schema) -> Schema:
    if (ref := schema.get("$ref")) is None:
        return schema
    found: Schema = whole["$defs"][ref.removeprefix("#/$defs/")]
    return found


def _kinds(schema: Schema, whole: Schema) -> dict[str, Schema]:
    """The shapes a value may have, by JSON type."""
    shapes = [_resolved(shape, whole) for shape in schema.get("anyOf", [schema])]
    return {str(shape.get("type", "anything")): shape for shape in shapes}
