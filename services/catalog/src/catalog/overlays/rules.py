"""One record laid over another: what is taken, what stays, and whether it is worth it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from catalog.marc.record import Field, Record

NUMBER_FIELDS: Final = ("001", "003")
LINK: Final = "880"


@dataclass(frozen=True, slots=True)
class Spec:
    """Some fields: by tag (X is any digit), and where it is told by indicators and by a subfield's value."""

    tag: str
    ind1: str | None = None
    ind2: str | None = None
    code: str | None = None
    value: str | None = None
    """Of that subfield; without a value it must only be there."""

    def means(self, field: Field) -> bool:
        """Whether a field is one of them."""
        if len(field.tag) != len(self.tag) or not all(
            sign in ("X", found) for sign, found in zip(self.tag, field.tag, strict=True)
        ):
            return False
        if field.is_control:
            return self.ind1 is None and self.ind2 is None and self.code is None
        if (self.ind1 is not None and field.ind1 != self.ind1) or (
            self.ind2 is not None and field.ind2 != self.ind2
        ):
            return False
        if self.code is None:
            return True
        values = [text.strip() for text in field.all(self.code)]
        return bool(values) if self.value is None else self.value in values


@dataclass(frozen=True, slots=True)
class Overlay:
    """How a record that comes is laid over the one that is here."""

    mode: Literal["replace", "merge"] = "replace"
    """`replace`: the new record counts, but for what is preserved. `merge`: the old one counts, but for what is
    added or replaced."""
    preserve: tuple[Spec, ...] = ()
    add: tuple[Spec, ...] = ()
    replace: tuple[Spec, ...] = ()
    protected: tuple[Spec, ...] = ()
    """What the library keeps whoever imports."""
    keep_number: bool = True
    """The control number stays; the other one becomes a system number (035)."""
    least_ratio: float | None = None
    """How good the new record must be, as a part of the old one's quality."""

    @property
    def plain(self) -> bool:
        """Nothing of the old record stays and nothing is asked of the new one, where both have one number."""
        return self.mode == "replace" and not (self.preserve or self.protected) and self.least_ratio is None


def without(record: Record, strip: Sequence[Spec]) -> Record:
    """A record without the fields that are not wanted."""
    if not strip:
        return record
    return Record(record.leader, [field for field in record if not _meant(field, strip)])


def with_set(record: Record, fields: Sequence[tuple[Field, bool]]) -> Record:
    """A record with fields that a profile gives every one; some only where it has none of that tag."""
    if not fields:
        return record
    tags = {field.tag for field in record}
    told = [field for field, only_absent in fields if not (only_absent and field.tag in tags)]
    added = [field for field in told if field not in record.fields(field.tag)]
    return record.having(*added) if added else record


def overlaid(kept: Record, told: Record, overlay: Overlay) -> Record:
    """What becomes of the record that is here."""
    result = _merged(kept, told, overlay) if overlay.mode == "merge" else _replaced(kept, told, overlay)
    return _numbered(result, kept, told) if overlay.keep_number else result


def _meant(field: Field, specs: Collection[Spec]) -> bool:
    return any(spec.means(field) for spec in specs)


def _replaced(kept: Record, told: Record, overlay: Overlay) -> Record:
    stay = (*overlay.preserve, *overlay.protected)
    staying = [field for field in kept if _meant(field, stay) and field.tag != LINK]
    held = [spec for spec in stay if any(spec.means(field) for field in staying)]
    base = [field for field in told if not _meant(field, held)]
    return _joined(Record(told.leader, unlinked(base, told)), staying, kept)


def _merged(kept: Record, told: Record, overlay: Overlay) -> Record:
    here = [field for field in kept if _meant(field, overlay.protected)]
    taken = [
        field
        for field in told
        if _meant(field, overlay.replace)
        and field.tag != LINK
        and not any(spec.means(field) for spec in overlay.protected if any(map(spec.means, here)))
    ]
    going = [spec for spec in overlay.replace if any(spec.means(field) for field in taken)]
    base = [field for field in kept if _meant(field, overlay.protected) or not _meant(field, going)]
    known = set(base)
    added = [
        field
        for field in told
        if _meant(field, overlay.add) and field not in known and field not in taken and field.tag != LINK
    ]
    return _joined(Record(kept.leader, unlinked(base, kept)), [*taken, *added], told)


def unlinked(fields: Sequence[Field], whole: Record) -> list[Field]:
    """Without the other-script halves (880) of fields that are no longer there (MARC 21, appendix A)."""
    gone = {link for field in whole if (link := _link(field)) and field.tag != LINK and field not in fields}
    return [field for field in fields if not (field.tag == LINK and _link(field) in gone)]


def _link(field: Field) -> str | None:
    """The number that two halves share: `880-01` and `245-01/$1` both say 01; 00 stands for no pair."""
    told = (field.get("6") or "").partition("/")[0].partition("-")[2][:2] if not field.is_control else ""
    return told if told.isdigit() and told != "00" else None


def _joined(base: Record, more: Sequence[Field], source: Record) -> Record:
    """With fields of another record, and their halves in other scripts under numbers that are free."""
    highest = max((int(link) for field in base if (link := _link(field))), default=0)
    numbers: dict[str, str] = {}
    for field in more:
        if (link := _link(field)) and link not in numbers:
            highest += 1
            numbers[link] = f"{highest:02d}"
    halves = [field for field in source.fields(LINK) if _link(field) in numbers]
    return base.having(*(_relinked(field, numbers) for field in (*more, *halves)))


def _relinked(field: Field, numbers: Mapping[str, str]) -> Field:
    link = _link(field)
    if link is None or numbers[link] == link:
        return field
    subfields = [
        (code, value.replace(f"-{link}", f"-{numbers[link]}", 1) if code == "6" else value)
        for code, value in field.subfields
    ]
    return Field.from_parts(field.tag, field.ind1, field.ind2, subfields)


def _numbered(result: Record, kept: Record, told: Record) -> Record:
    """Under the number that the title had; one that is not taken becomes a system number."""
    own = [field for field in kept.fields(*NUMBER_FIELDS) if field.is_control]
    if not any(field.tag == "001" for field in own):
        return result
    bare = result.without(*NUMBER_FIELDS).having(*own)
    number, agency = ((told.control(tag) or "").strip() for tag in NUMBER_FIELDS)
    mine = tuple((kept.control(tag) or "").strip() for tag in NUMBER_FIELDS)
    text = f"({agency}){number}" if agency else number
    if not number or (number, agency) == mine or text in [v for f in bare.fields("035") for v in f.all("a")]:
        return bare
    return bare.having(Field.data("035", "  ", ("a", text)))


SUBJECTS: Final = frozenset({"600", "610", "611", "630", "648", "650", "651", "655"})
RICH: Final = frozenset({"505", "520", "041", "043", "050", "082", "264", "336", "337", "338"})
FULL: Final = {
    " ": 20,
    "1": 15,
    "4": 10,
    "I": 10,
    "K": 5,
    "L": 10,
    "M": 5,
    "2": 5,
    "7": 0,
    "5": -5,
    "3": -10,
    "8": -10,
}
"""Leader/17, the encoding level: how whole a record says that it is (MARC 21; the letters are OCLC's)."""
MOST_PLAIN: Final = 60


def quality(record: Record) -> int:
    """How much a record says, at least 1: its encoding level, its fields, and double what helps to find the title."""
    told = FULL.get(record.leader[17:18], 0)
    plain = 0
    for field in record:
        if field.tag in SUBJECTS or field.tag in RICH or field.tag.startswith("7"):
            told += 2
        elif not field.tag.startswith(("00", "9")):
            plain += 1
    fixed = record.control("008") or ""
    told += sum(1 for sign in fixed[6:39] if sign not in " |u") // 4
    return max(1, told + min(plain, MOST_PLAIN))


def good_enough(kept: Record, told: Record, least_ratio: float | None) -> tuple[bool, int, int]:
    """Whether a record may overlay another, with the quality of both, the new one's first."""
    new, old = quality(told), quality(kept)
    return least_ratio is None or new >= old * least_ratio, new, old


def spec_of(told: Mapping[str, Any]) -> Spec:
    """From its document."""
    return Spec(told["tag"], told.get("ind1"), told.get("ind2"), told.get("subfield"), told.get("value"))
