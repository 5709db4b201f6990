"""What becomes of a record's fields, action by action. No I/O.

Nothing here is a regular expression of a stranger's: `find` is text, or signs that stand for one character each, so
that a value is gone through once whatever is asked.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

from catalog.bulkedits.documents import (
    Action,
    AddField,
    MoveField,
    MoveSubfield,
    RemoveField,
    RemoveSubfield,
    ReplaceText,
    SetElement,
    SetIndicator,
    SetSubfield,
    Where,
)
from catalog.bulkedits.rules import MOST_TOLD
from catalog.fixedfields.rules import layout_of, put_together
from catalog.marc.record import Field, Record, Subfields
from catalog.overlays.rules import Spec, unlinked
from catalog.titles.rules import differences
from chassis.edits import LONGEST_TOLD

LONGEST_VALUE: Final = 100_000
"""Characters that a replacement may make of a subfield."""


CONTROL: Final = ("LDR", "006", "007", "008")
"""What is edited element by element."""


class CannotEdit(ValueError):
    """An action cannot be done with this record."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def tags(actions: Iterable[Action]) -> dict[str, int]:
    """Tags whose fields are changed, each with the first action that does."""
    told: dict[str, int] = {}
    for place, action in enumerate(actions):
        for tag in (action.tag, getattr(action, "to_tag", None)):
            if tag is not None:
                told.setdefault(tag, place)
    return told


def protected(actions: Sequence[Action], kept: Iterable[str]) -> dict[str, int]:
    """Of these tags, those that the library keeps."""
    specs = [Spec(tag) for tag in kept]
    blank = {
        tag: Field.control(tag, "") if tag in CONTROL else Field.data(tag, "  ", ("a", ""))
        for tag in tags(actions)
    }
    return {
        tag: place for tag, place in tags(actions).items() if any(spec.means(blank[tag]) for spec in specs)
    }


def applied(record: Record, actions: Sequence[Action]) -> Record:
    """The record after all of them. Raises `CannotEdit`."""
    told = record
    for action in actions:
        told = _DO[type(action)](told, action)
    if told is record or told == record:
        return record
    return Record(told.leader, unlinked(list(told), record))


def told(before: Record, after: Record) -> list[dict[str, Any]]:
    """What differs, for whoever confirms it."""
    return [
        {
            "field": f"{each.tag}[{each.occurrence}]",
            "kind": each.kind,
            "before": shown(each.before),
            "after": shown(each.after),
        }
        for each in differences(before, after)[:MOST_TOLD]
    ]


def shown(field: Field | None) -> str | None:
    """A field in a line."""
    if field is None:
        return None
    if field.is_control:
        return field.value[:LONGEST_TOLD]
    indicators = (field.ind1 + field.ind2).replace(" ", "#")
    return (indicators + "".join(f" ${code} {value}" for code, value in field.subfields))[:LONGEST_TOLD]


def _meant(field: Field, tag: str, where: Where | None) -> bool:
    if field.tag != tag or field.is_control:
        return False
    return where is None or _is_so(field, where) != where.unless


def _is_so(field: Field, where: Where) -> bool:
    if (where.ind1 is not None and field.ind1 != where.ind1) or (
        where.ind2 is not None and field.ind2 != where.ind2
    ):
        return False
    if where.code is None:
        return True
    values = field.all(where.code)
    if where.value is None:
        return bool(values)
    return any(_matches(value, where.value, where.match, ignore_case=where.ignore_case) for value in values)


def _matches(value: str, wanted: str, match: str, *, ignore_case: bool = False) -> bool:
    value, wanted = value.strip(), unicodedata.normalize("NFC", wanted)
    if ignore_case:
        value, wanted = value.casefold(), wanted.casefold()
    if match == "contains":
        return wanted in value
    if match == "starts":
        return value.startswith(wanted)
    return value.endswith(wanted) if match == "ends" else value == wanted.strip()


def _each(record: Record, tag: str, where: Where | None, change: Callable[[Field], Field | None]) -> Record:
    """The record with what becomes of the fields that are meant."""
    fields = [change(field) if _meant(field, tag, where) else field for field in record]
    return Record(record.leader, [field for field in fields if field is not None])


def _with(field: Field, subfields: Iterable[tuple[str, str]]) -> Field | None:
    """The field with other subfields; None where it has none left."""
    kept: Subfields = tuple(
        (code, unicodedata.normalize("NFC", value)) for code, value in subfields if value != ""
    )
    if kept == field.subfields:
        return field
    return Field.from_parts(field.tag, field.ind1, field.ind2, kept) if kept else None


def _add(record: Record, action: AddField) -> Record:
    made = [(each.code, unicodedata.normalize("NFC", each.value)) for each in action.subfields]
    field = Field.data(action.tag, action.ind1 + action.ind2, *made)
    there = record.fields(action.tag)
    if field in there or (action.only_absent and there):
        return record
    return record.having(field)


def _remove(record: Record, action: RemoveField) -> Record:
    return _each(record, action.tag, action.where, lambda _: None)


def _move(record: Record, action: MoveField) -> Record:
    going = [field for field in record if _meant(field, action.tag, action.where)]
    if not going or action.tag == action.to_tag:
        return record
    kept = Record(record.leader, [field for field in record if field not in going])
    return kept.having(
        *(Field.from_parts(action.to_tag, field.ind1, field.ind2, field.subfields) for field in going)
    )


def _remove_subfield(record: Record, action: RemoveSubfield) -> Record:
    def goes(code: str, value: str) -> bool:
        return code == action.code and (action.value is None or _matches(value, action.value, action.match))

    def change(field: Field) -> Field | None:
        return _with(field, [each for each in field.subfields if not goes(*each)])

    return _each(record, action.tag, action.where, change)


def _set_subfield(record: Record, action: SetSubfield) -> Record:
    def change(field: Field) -> Field | None:
        there = next((place for place, (code, _) in enumerate(field.subfields) if code == action.code), None)
        if there is None:
            return _with(field, [*field.subfields, (action.code, action.value)])
        if action.only_absent:
            return field
        told = list(field.subfields)
        told[there] = (action.code, action.value)
        return _with(field, told)

    return _each(record, action.tag, action.where, change)


@lru_cache(maxsize=256)
def _pattern(find: str, match: str, ignore_case: bool) -> re.Pattern[str]:
    """Of single characters alone: there is nothing to go back to."""
    find = unicodedata.normalize("NFC", find)
    if match == "pattern":
        signs = {"#": "[0-9]", "?": "."}
        parts = re.findall(r"\\.|.", find, re.DOTALL)
        text = "".join(
            re.escape(part[1]) if len(part) == 2 else signs.get(part, re.escape(part)) for part in parts
        )
    else:
        text = re.escape(find)
    begin = r"\A" if match in ("whole", "start") else ""
    end = r"\Z" if match in ("whole", "end") else ""
    return re.compile(begin + text + end, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _replace(record: Record, action: ReplaceText) -> Record:
    pattern = _pattern(action.find, action.match, action.ignore_case)

    def new(value: str) -> str:
        count = sum(1 for _ in pattern.finditer(value))
        if len(value) + count * len(action.replacement) > LONGEST_VALUE:
            words = f"{action.tag} ${action.code} would be longer than {LONGEST_VALUE} characters."
            raise CannotEdit("value-too-long", words)
        return pattern.sub(lambda _: action.replacement, value) if count else value

    def change(field: Field) -> Field | None:
        return _with(
            field, [(code, new(value) if code == action.code else value) for code, value in field.subfields]
        )

    return _each(record, action.tag, action.where, change)


def _move_subfield(record: Record, action: MoveSubfield) -> Record:
    copies = action.do == "copy-subfield"
    if action.to_tag is None or action.to_tag == action.tag:
        return _each(record, action.tag, action.where, lambda field: _recoded(field, action, copies))
    values = [
        value
        for field in record
        if _meant(field, action.tag, action.where)
        for value in field.all(action.code)
    ]
    made = [Field.data(action.to_tag, "  ", (action.to_code, value)) for value in dict.fromkeys(values)]
    there = set(record.fields(action.to_tag))
    kept = record
    if not copies:

        def change(field: Field) -> Field | None:
            return _with(field, [each for each in field.subfields if each[0] != action.code])

        kept = _each(record, action.tag, action.where, change)
    return kept.having(*(field for field in made if field not in there))


def _recoded(field: Field, action: MoveSubfield, copies: bool) -> Field | None:
    if not copies:
        return _with(
            field,
            [(action.to_code if code == action.code else code, value) for code, value in field.subfields],
        )
    there = set(field.subfields)
    more = [(action.to_code, value) for value in field.all(action.code)]
    return _with(field, [*field.subfields, *(each for each in dict.fromkeys(more) if each not in there)])


def _set_indicator(record: Record, action: SetIndicator) -> Record:
    def change(field: Field) -> Field:
        ind1 = action.value if action.indicator == 1 else field.ind1
        ind2 = action.value if action.indicator == 2 else field.ind2
        if (ind1, ind2) == (field.ind1, field.ind2):
            return field
        return Field.from_parts(field.tag, ind1, ind2, field.subfields)

    return _each(record, action.tag, action.where, change)


def _set_element(record: Record, action: SetElement) -> Record:
    if action.tag == "LDR":
        return Record(_with_element(record.leader, action, record), list(record))
    fields = [
        Field.control(field.tag, _with_element(field.value, action, record))
        if field.tag == action.tag
        else field
        for field in record
    ]
    return Record(record.leader, fields)


def _with_element(value: str, action: SetElement, record: Record) -> str:
    """The field with that element; as it is where it has none."""
    layout = layout_of(action.tag, value, record.leader)
    if layout is None or action.name not in {each.name for each in layout.elements}:
        return value
    after, faults = put_together(layout, {action.name: action.value}, base=value)
    if faults:
        raise CannotEdit("element-unsayable", f"{action.tag} {action.name}: {faults[0].text}")
    return after


_DO: Final[dict[type, Callable[[Record, Any], Record]]] = {
    AddField: _add,
    RemoveField: _remove,
    MoveField: _move,
    RemoveSubfield: _remove_subfield,
    SetSubfield: _set_subfield,
    ReplaceText: _replace,
    MoveSubfield: _move_subfield,
    SetIndicator: _set_indicator,
    SetElement: _set_element,
}
