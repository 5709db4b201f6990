"""Is this a good record? Every fault at once: which field, which part of it, and what would mend it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from itertools import chain
from typing import Final

from stdnum import isbn, issn

from catalog.marc.record import Field, Record
from catalog.specifications import marc21


class Severity(StrEnum):
    """An error stands against saving where the library wishes so; a warning never does."""

    ERROR = "error"
    WARNING = "warning"


class Presence(StrEnum):
    """Whether a field or subfield is to be there: two kinds of fault, two kinds of wish."""

    REQUIRED = "required"
    WANTED = "wanted"
    OPTIONAL = "optional"
    UNWANTED = "unwanted"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class SubfieldRule:
    """What is told of a subfield."""

    presence: Presence = Presence.OPTIONAL
    repeatable: bool = True
    values: frozenset[str] = frozenset()
    """Those that it may have; empty for any."""


@dataclass(frozen=True, slots=True)
class FieldRule:
    """What is told of the fields with one tag."""

    presence: Presence = Presence.OPTIONAL
    repeatable: bool = True
    ind1: str | None = None
    """Values of the first indicator, a blank for none; None for any."""
    ind2: str | None = None
    subfields: Mapping[str, SubfieldRule] = field(default_factory=dict)
    others: bool = False
    """Subfields that are not named may be there, too."""


@dataclass(frozen=True, slots=True)
class Specification:
    """All that is told of records of one kind."""

    kind: str
    fields: Mapping[str, FieldRule]
    open_tags: frozenset[str] = frozenset()
    """Tags, with X for any digit, of which nothing more is told: local fields."""

    def rule(self, tag: str) -> FieldRule | None:
        """What is told of a tag; None for one that nobody has told of."""
        if (found := self.fields.get(tag)) is not None:
            return found
        return ANY if any(_matches(pattern, tag) for pattern in self.open_tags) else None


ANY: Final = FieldRule(others=True)
LOCAL: Final = frozenset({"9XX", "X9X", "XX9"})
"""Tags that MARC 21 leaves to libraries."""
LOCAL_SUBFIELD: Final = "9"
"""What it leaves to them in every field."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault. `part` is an indicator (`ind1`), a subfield (`$a`) or a position of a fixed field (`06`)."""

    code: str
    severity: Severity
    tag: str
    occurrence: int
    part: str | None
    text: str
    mend: str | None = None

    @property
    def where(self) -> str:
        """Tag, which of several, and part: `650[2]$a`."""
        place = f"[{self.occurrence}]" if self.occurrence else ""
        part = self.part or ""
        return f"{self.tag}{place}{part if part.startswith('$') else '/' + part if part else ''}"


def _matches(pattern: str, tag: str) -> bool:
    return len(tag) == 3 and all(told in ("X", found) for told, found in zip(pattern, tag, strict=True))


@cache
def standard(kind: str) -> Specification:
    """MARC 21's own rules for bibliographic or holdings records."""
    table = marc21.HOLDINGS if kind == "holdings" else marc21.BIBLIOGRAPHIC
    controls = marc21.HOLDINGS_CONTROL if kind == "holdings" else marc21.CONTROL
    fields = {tag: FieldRule(repeatable=often) for tag, often in controls.items()}
    for line in table.strip().splitlines():
        tag, often, ind1, ind2, *codes = line.split()
        told = "".join(codes)
        subfields = {
            code: SubfieldRule(repeatable=bool(plus)) for code, plus in re.findall(r"(\w)(\+?)", told)
        }
        if told == "*":
            subfields = {}
        fields[tag] = FieldRule(
            repeatable=often == "R",
            ind1=_values(ind1),
            ind2=_values(ind2),
            subfields=subfields,
            others=told == "*",
        )
    if kind != "holdings":  # holdings may stand in a bibliographic record (MARC 21 Holdings, Introduction)
        embedded = standard("holdings").fields
        fields |= {tag: rule for tag, rule in embedded.items() if "841" <= tag <= "878" and tag not in fields}
        fields |= {tag: replace(fields[tag], presence=Presence.UNWANTED) for tag in marc21.OBSOLETE}
    needed = ("008", "852") if kind == "holdings" else ("008", "245")
    for tag in needed:
        fields[tag] = replace(fields[tag], presence=Presence.REQUIRED)
    return Specification(kind, fields, LOCAL)


def _values(told: str) -> str | None:
    if told == "?":
        return None
    spread = re.sub(
        r"(\d)-(\d)", lambda ends: "".join(str(n) for n in range(int(ends[1]), int(ends[2]) + 1)), told
    )
    return spread.replace("#", " ")


def validate(record: Record, specification: Specification) -> list[Finding]:
    """Everything that is wrong, in the order of the record; what is missing comes last."""
    told: list[Finding] = [*_leader(record.leader, specification.kind)]
    seen: dict[str, int] = {}
    for each in record:
        seen[each.tag] = occurrence = seen.get(each.tag, 0) + 1
        told += _field(each, occurrence, specification)
        if each.tag == "008":
            told += _fixed(each, record.leader, specification.kind)
    told += _linked(record)
    told += _missing(seen, specification)
    return told


def _leader(leader: str, kind: str) -> Iterator[Finding]:
    if len(leader) != 24:
        yield Finding(
            "length",
            Severity.ERROR,
            "LDR",
            0,
            None,
            f"The leader has {len(leader)} characters.",
            "Make it 24.",
        )
    for place, values in marc21.LEADER.get(kind, {}).items():
        if place < len(leader) and leader[place] not in values:
            severity = Severity.ERROR if place in (5, 6, 7) else Severity.WARNING
            yield _value("LDR", 0, place, leader[place], values, severity)


def _value(tag: str, occurrence: int, place: int, found: str, values: str, severity: Severity) -> Finding:
    return Finding(
        "value",
        severity,
        tag,
        occurrence,
        f"{place:02d}",
        f"{_shown(found)} is no value here.",
        f"Use one of {', '.join(map(_shown, values))}.",
    )


def _shown(value: str) -> str:
    return "blank" if value == " " else repr(value) if value in "|,#'" else value


def _field(each: Field, occurrence: int, specification: Specification) -> Iterator[Finding]:
    tag = each.tag
    rule = specification.rule(tag)
    if rule is None:
        yield Finding(
            "field-unknown",
            Severity.WARNING,
            tag,
            occurrence,
            None,
            f"There is no field {tag}.",
            "Use a field of the format, or tell of yours in the specification.",
        )
        return
    if occurrence == 2 and not rule.repeatable:
        yield Finding(
            "field-repeated", Severity.ERROR, tag, 2, None, f"{tag} stands once at most.", "Keep one of them."
        )
    if (severity := _against(rule.presence)) is not None:
        yield Finding(
            "field-unwanted", severity, tag, occurrence, None, f"{tag} is not used here.", "Take it out."
        )
    if each.is_control:
        if tag == "007" and (length := marc21.LENGTH_007.get(each.value[:1])) and len(each.value) > length:
            text = f"{len(each.value)} characters are more than {length}."
            yield Finding("length", Severity.WARNING, tag, occurrence, None, text, f"Make it {length}.")
        if tag == "006" and len(each.value) != 18:
            text = f"There are {len(each.value)} characters."
            yield Finding("length", Severity.WARNING, tag, occurrence, None, text, "Make it 18.")
        return
    if tag < "010":
        text = f"{tag} has a value, and neither indicators nor subfields."
        yield Finding("kind", Severity.ERROR, tag, occurrence, None, text)
        return
    linked = _standing_for(each, specification) if tag == "880" else rule
    yield from _parts(each, occurrence, linked)


def _against(presence: Presence) -> Severity | None:
    return {Presence.UNWANTED: Severity.WARNING, Presence.FORBIDDEN: Severity.ERROR}.get(presence)


def _standing_for(each: Field, specification: Specification) -> FieldRule:
    """A field in another script follows the rules of the field that it stands for."""
    return specification.rule((each.get("6") or "")[:3]) or ANY


def _parts(each: Field, occurrence: int, rule: FieldRule) -> Iterator[Finding]:
    tag = each.tag
    for name, values, found in (("ind1", rule.ind1, each.ind1), ("ind2", rule.ind2, each.ind2)):
        if values is not None and found not in tuple(values):
            yield Finding(
                "indicator",
                Severity.ERROR,
                tag,
                occurrence,
                name,
                f"{_shown(found)} is no value of this indicator.",
                f"Use one of {', '.join(map(_shown, values))}.",
            )
    counts: dict[str, int] = {}
    for code, value in each.subfields:
        counts[code] = counts.get(code, 0) + 1
        told = rule.subfields.get(code)
        part = f"${code}"
        if told is None and not rule.others and code != LOCAL_SUBFIELD and counts[code] == 1:
            yield Finding(
                "subfield-unknown",
                Severity.ERROR,
                tag,
                occurrence,
                part,
                f"{tag} has no subfield {code}.",
                "Use one of " + ", ".join(f"${each}" for each in rule.subfields) + "."
                if rule.subfields
                else None,
            )
        if not value.strip():
            yield Finding(
                "subfield-empty", Severity.WARNING, tag, occurrence, part, "It is empty.", "Take it out."
            )
        if told is not None:
            yield from _subfield(tag, occurrence, part, value, told, counts[code])
    for code, told in rule.subfields.items():
        if code not in counts and told.presence in _WISHED:
            severity, verb = _WISHED[told.presence]
            text = f"Subfield {code} {verb}."
            yield Finding("subfield-missing", severity, tag, occurrence, f"${code}", text, "Add it.")
    yield from _number(each, occurrence)


_WISHED: Final = {
    Presence.REQUIRED: (Severity.ERROR, "is missing"),
    Presence.WANTED: (Severity.WARNING, "should be there"),
}


def _subfield(
    tag: str, occurrence: int, part: str, value: str, rule: SubfieldRule, count: int
) -> Iterator[Finding]:
    if count == 2 and not rule.repeatable:
        yield Finding(
            "subfield-repeated",
            Severity.ERROR,
            tag,
            occurrence,
            part,
            f"{part} stands once at most in {tag}.",
            "Keep one, or repeat the field.",
        )
    if (severity := _against(rule.presence)) is not None:
        yield Finding(
            "subfield-unwanted", severity, tag, occurrence, part, f"{part} is not used here.", "Take it out."
        )
    if rule.values and value not in rule.values:
        shown = ", ".join(sorted(rule.values)[:20])
        text = f"{value[:60]!r} is no value here."
        yield Finding("value", Severity.ERROR, tag, occurrence, part, text, f"Use one of {shown}.")


def _number(each: Field, occurrence: int) -> Iterator[Finding]:
    """ISBN and ISSN with a wrong check digit belong into $z."""
    if each.tag == "020":
        right, name = isbn.is_valid, "ISBN"
    elif each.tag == "022":
        right, name = issn.is_valid, "ISSN"
    else:
        return
    for value in each.all("a"):
        bare = value.split("(")[0].split(" ")[0].strip()
        if bare and not right(bare):
            text = f"{bare[:40]} is no {name}: its length or check digit is wrong."
            mend = "Set it right, or move it to $z."
            yield Finding("number-wrong", Severity.WARNING, each.tag, occurrence, "$a", text, mend)


def _fixed(each: Field, leader: str, kind: str) -> Iterator[Finding]:
    value = each.value
    length = 32 if kind == "holdings" else 40
    if len(value) != length:
        yield Finding(
            "length",
            Severity.ERROR,
            "008",
            1,
            None,
            f"There are {len(value)} characters.",
            f"Make it {length}.",
        )
        return
    if kind == "holdings":
        tables: Mapping[int, str] = marc21.HOLDINGS_008
    else:
        tables = marc21.COMMON_008 | marc21.FIXED_008.get(material(leader), {})
    for place, values in sorted(tables.items()):
        if value[place] not in values:
            yield _value("008", 1, place, value[place], values, Severity.WARNING)
    if not re.fullmatch(r"[0-9]{6}|[ |]{6}", value[:6]):
        text = f"{value[:6]!r} is no date."
        yield Finding("value", Severity.WARNING, "008", 1, "00-05", text, "Write it as yymmdd.")
    if kind != "holdings" and not re.fullmatch(r"[a-z]{3}|[ |]{3}", value[35:38]):
        text = f"{value[35:38]!r} is no language's code."
        yield Finding("value", Severity.WARNING, "008", 1, "35-37", text, "Use a code of the MARC list.")


def material(leader: str) -> str:
    """Which of 008's seven shapes a record has, by leader/06 and /07."""
    kind, level = leader[6:7], leader[7:8]
    if kind == "a":
        return "continuing" if level in ("b", "i", "s") else "books"
    shapes = {
        "t": "books",
        "m": "files",
        **dict.fromkeys("ef", "maps"),
        **dict.fromkeys("cdij", "music"),
        **dict.fromkeys("gkor", "visual"),
        "p": "mixed",
    }
    return shapes.get(kind, "")


_LINK: Final = re.compile(r"([0-9A-Z]{3})-([0-9]{2})(?:/.*)?")


def _linked(record: Record) -> Iterator[Finding]:
    """Pairs of a field and its form in another script name each other (MARC 21, Appendix A: Control subfields)."""
    links: dict[tuple[str, str, str], tuple[Field, int]] = {}
    seen: dict[str, int] = {}
    for each in record:
        seen[each.tag] = seen.get(each.tag, 0) + 1
        link = None if each.is_control else each.get("6")
        if link is None:
            continue
        found = _LINK.fullmatch(link)
        if found is None:
            text = f"{link[:40]!r} names no field."
            mend = "Write tag, hyphen, two digits: 880-01."
            yield Finding("link", Severity.WARNING, each.tag, seen[each.tag], "$6", text, mend)
        elif found[2] != "00":
            links[each.tag, found[1], found[2]] = each, seen[each.tag]
    for (tag, other, number), (_, occurrence) in links.items():
        if (other, tag, number) not in links:
            text = f"There is no field {other} with {tag}-{number}."
            mend = "Link both fields, or write 00 for one that stands alone."
            yield Finding("link", Severity.WARNING, tag, occurrence, "$6", text, mend)


def _missing(seen: Mapping[str, int], specification: Specification) -> Iterator[Finding]:
    for tag, rule in specification.fields.items():
        if tag not in seen and rule.presence in _WISHED:
            severity, verb = _WISHED[rule.presence]
            yield Finding("field-missing", severity, tag, 0, None, f"{tag} {verb}.", f"Add a field {tag}.")


def errors(findings: Iterable[Finding]) -> list[Finding]:
    """Those that stand against saving."""
    return [finding for finding in findings if finding.severity is Severity.ERROR]


def overlaid(base: Specification, fields: Mapping[str, FieldRule], open_tags: Iterable[str]) -> Specification:
    """The base with other rules for some tags, and more tags left open."""
    return replace(
        base, fields={**base.fields, **fields}, open_tags=frozenset(chain(base.open_tags, open_tags))
    )
