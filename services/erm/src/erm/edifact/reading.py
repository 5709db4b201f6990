"""Messages of the book trade (EANCOM D.96A as BIC and EDItEUR have it for libraries), read into what they say.

Strict where money or a count is concerned; where senders are known to differ, both ways are read: a decimal comma, a
missing currency, ISBNs of ten digits in PIA, texts that were cut at 35 letters.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

from stdnum import ean, isbn
from stdnum.exceptions import ValidationError

from erm.edifact.documents import (
    Bill,
    BilledLine,
    Charge,
    Copies,
    Despatch,
    DespatchLine,
    Document,
    Quote,
    QuoteLine,
    Response,
    ResponseLine,
)
from erm.edifact.syntax import Flaw, Segment

TEXT: Final = 35
"""Letters of one component of a text (7008)."""
AUTHOR, TITLE, SUBTITLE, PUBLISHER, YEAR = ("009", "010"), ("050",), ("060",), ("120", "109"), ("170",)
"""IMD 7081."""
KINDS: Final = frozenset({"QUOTES", "ORDRSP", "DESADV", "INVOIC"})
"""Messages that are taken in."""
_CHARGES: Final = {
    "DL": "shipping",
    "FC": "shipping",
    "PC": "shipping",
    "DI": "discount",
    "HD": "fee",
    "SV": "fee",
}
"""ALC 7161; everything else is `other`."""
_NUMBER: Final = re.compile(r"-?\d{1,15}([.,]\d{1,6})?")


@dataclass(slots=True)
class Section:
    """Segments of a header, a line or a summary."""

    segments: list[Segment] = field(default_factory=list)

    def all(self, tag: str, qualifier: str | Sequence[str] | None = None) -> Iterator[Segment]:
        """Those with this tag, whose first component is one of these."""
        wanted = (qualifier,) if isinstance(qualifier, str) else qualifier
        return (
            each for each in self.segments if each.tag == tag and (wanted is None or each.get(0) in wanted)
        )

    def first(self, tag: str, qualifier: str | Sequence[str] | None = None) -> Segment | None:
        """The first of them."""
        return next(self.all(tag, qualifier), None)

    def reference(self, *qualifiers: str) -> str | None:
        """RFF: the number behind the first of these that is there."""
        found = (each.get(0, 1).strip() for name in qualifiers for each in self.all("RFF", name))
        return next(filter(None, found), None)


class Reader:
    """Reads one message; what is wrong is gathered in `flaws`."""

    def __init__(self, told: Sequence[Segment]) -> None:
        self.flaws: list[Flaw] = []
        self.header, self.lines, self.summary = Section(), list[Section](), Section()
        at, before = self.header, list[Segment]()
        for segment in told:
            if segment.tag in ("UNH", "UNT"):
                continue
            if segment.tag == "LIN":
                at = Section()
                self.lines.append(at)
            elif segment.tag == "UNS":
                at = self.summary
            elif segment.tag in ("CPS", "PAC") and at is not self.header:
                at = Section()  # the next parcel: nothing of it is of the line before it
            before.append(segment)
            at.segments.append(segment)
        self.segments = before

    # values

    def number(self, segment: Segment, told: str) -> Decimal | None:
        """A number with a decimal point or comma."""
        if not told:
            return None
        if not _NUMBER.fullmatch(told):
            self.flaws.append(segment.flaw("number-malformed", f"holds {told[:40]!r}, which is no number."))
            return None
        return Decimal(told.replace(",", "."))

    def count(self, segment: Segment, told: str) -> int | None:
        """A whole number of copies."""
        found = self.number(segment, told)
        if found is None:
            return None
        if found != int(found) or not 0 <= found <= 100_000:
            self.flaws.append(segment.flaw("count-malformed", f"holds {told!r}; copies are counted whole."))
            return None
        return int(found)

    def day(self, section: Section, *qualifiers: str) -> date | None:
        """DTM: the first of these dates; formats 101, 102, 203."""
        for each in section.all("DTM", qualifiers):
            told, form = each.get(0, 1), each.get(0, 2)
            digits = ("20" + told[:6]) if form == "101" else told[:8]
            try:
                return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
            except ValueError:
                self.flaws.append(each.flaw("date-malformed", f"holds {told[:20]!r}, which is no date."))
        return None

    def amount(self, section: Section, *qualifiers: str) -> Decimal | None:
        """MOA: the first of these that is there, in their order."""
        for name in qualifiers:
            if (found := section.first("MOA", name)) is not None:
                return self.number(found, found.get(0, 1))
        return None

    def price(self, section: Section, *qualifiers: str) -> Decimal | None:
        """PRI."""
        for name in qualifiers:
            if (found := section.first("PRI", name)) is not None:
                return self.number(found, found.get(0, 1))
        return None

    def quantity(self, section: Section, *qualifiers: str) -> int | None:
        """QTY."""
        for name in qualifiers:
            if (found := section.first("QTY", name)) is not None:
                return self.count(found, found.get(0, 1))
        return None

    # what messages have in common

    def currency(self) -> str | None:
        """CUX of the header."""
        found = self.header.first("CUX")
        return (found.get(0, 1).upper() or None) if found is not None else None

    def about(self, *dates: str) -> dict[str, Any]:
        """Number, date and currency of the document."""
        bgm = self.header.first("BGM")
        number = bgm.get(1).strip() if bgm is not None else ""
        if not number:
            place = bgm or (self.segments[0] if self.segments else Segment("UNH"))
            self.flaws.append(
                place.flaw("document-number-missing", "should say the number of the document (BGM).")
            )
        elif len(number) > TEXT and bgm is not None:
            self.flaws.append(
                bgm.flaw("document-number-too-long", f"has a number of more than {TEXT} letters.")
            )
        return {"number": number, "dated": self.day(self.header, *dates), "currency": self.currency()}

    def common(self, section: Section) -> dict[str, Any]:
        """What every line has."""
        lin = section.segments[0]
        return {
            "number": lin.get(0) or str(lin.number),
            "segment": lin.number,
            "ean": _ean(section),
            "reference": section.reference("LI"),
            "order_number": section.reference("ON"),
            "title": ": ".join(filter(None, (described(section, *TITLE), described(section, *SUBTITLE))))
            or None,
            "author": described(section, *AUTHOR),
            "publisher": described(section, *PUBLISHER),
            "year": described(section, *YEAR),
        }

    def check_lines(self) -> None:
        """CNT 2 counts the lines."""
        for control in self.summary.all("CNT", "2"):
            if self.number(control, control.get(0, 1)) not in (None, Decimal(len(self.lines))):
                text = f"counts {control.get(0, 1)} lines, there are {len(self.lines)}."
                self.flaws.append(control.flaw("line-count-differs", text))
        if not self.lines:
            place = self.segments[-1] if self.segments else Segment("UNH")
            self.flaws.append(place.flaw("lines-missing", "ends a message without a line."))


def described(section: Section, *codes: str) -> str | None:
    """A text of IMD, put together again: a part of 35 letters was cut within a word, a shorter one after it."""
    told = last = ""
    for segment in section.segments:
        if segment.tag != "IMD" or segment.get(1) not in codes:
            continue
        for part in (segment.get(2, 3), segment.get(2, 4)):
            if part:
                told += (" " if told and len(last) < TEXT else "") + part
                last = part
    return " ".join(told.split()) or None


def _ean(section: Section) -> str | None:
    """Of LIN, else of PIA: 13 digits whatever was sent; what is no sound number is left out."""
    lin = section.segments[0]
    candidates = [lin.get(2, 0)]
    for segment in section.all("PIA"):
        candidates += [segment.get(at) for at in range(1, 6) if segment.get(at, 1) in ("EN", "IB", "IS")]
    for told in candidates:
        try:
            return str(isbn.compact(isbn.to_isbn13(told))) if isbn.is_valid(told) else str(ean.validate(told))
        except ValidationError:
            continue
    return None


def _copies(section: Section, quantity: int) -> tuple[Copies, ...]:
    """GIR: each is a copy, one with LQT several; what no GIR speaks of goes nowhere in particular."""
    by_number: dict[str, dict[str, str]] = {}
    for segment in section.all("GIR"):
        told = by_number.setdefault(segment.get(0), {})
        told |= {
            element[1]: element[0] for element in segment.elements[1:] if len(element) > 1 and element[0]
        }
    copies = [
        Copies(
            int(told["LQT"]) if told.get("LQT", "").isdecimal() and len(told["LQT"]) < 6 else 1,
            told.get("LLO"),
            told.get("LFN"),
            told.get("LCL"),
            told.get("LST"),
        )
        for told in by_number.values()
    ]
    left = quantity - sum(each.count for each in copies)
    return (*copies, Copies(left)) if left > 0 else tuple(copies)


def _text(section: Section) -> str | None:
    told = [segment.get(3, at) for segment in section.all("FTX") for at in range(5)]
    return " ".join(filter(None, told)) or None


def quote(reader: Reader) -> Quote:
    """QUOTES."""
    lines = []
    for section in reader.lines:
        told = reader.quantity(section, "1", "21")
        quantity = 1 if told is None else told
        percent = section.first("PCD")
        line = QuoteLine(
            **reader.common(section),
            quantity=quantity,
            price=reader.price(section, "AAE", "AAB", "AAF", "CAL", "AAA"),
            discount_percent=None if percent is None else reader.number(percent, percent.get(0, 1)),
            copies=_copies(section, quantity),
            quote_reference=section.reference("QLI", "SLI"),
            note=_text(section),
        )
        if sum(each.count for each in line.copies) != quantity:
            text = f"is of {quantity} copies, its GIR speak of {sum(each.count for each in line.copies)}."
            reader.flaws.append(section.segments[0].flaw("copies-differ", text))
        lines.append(line)
    return Quote(**reader.about("137"), lines=tuple(lines))


def response(reader: Reader) -> Response:
    """ORDRSP."""
    lines = []
    for section in reader.lines:
        codes = [
            f"{segment.get(2, 1)}:{segment.get(2, 0)}" for segment in section.all("FTX") if segment.get(2, 0)
        ]
        lines.append(
            ResponseLine(
                **reader.common(section),
                action=section.segments[0].get(1) or None,
                codes=tuple(codes),
                text=_text(section),
                ordered=reader.quantity(section, "21"),
                despatched=reader.quantity(section, "12"),
                back_ordered=reader.quantity(section, "83"),
                expected_on=reader.day(section, "44", "69", "2"),
                price=reader.price(section, "AAE", "AAB", "AAF", "AAA"),
            )
        )
    number = reader.header.reference("ON")
    return Response(**reader.about("137"), order_number=number, lines=tuple(lines))


def despatch(reader: Reader) -> Despatch:
    """DESADV: a parcel's number stands before the lines that lie in it, or within a line."""
    parcels: dict[int, str] = {}
    parcel, in_line = "", False
    for segment in reader.segments:
        if segment.tag in ("CPS", "PAC"):
            in_line = False
            parcel = "" if segment.tag == "CPS" else parcel
        elif segment.tag == "GIN" and segment.get(0) == "BJ" and not in_line:
            parcel = segment.get(1)[:TEXT]
        elif segment.tag == "LIN":
            in_line = True
            parcels[segment.number] = parcel
    lines = []
    for section in reader.lines:
        within = section.first("GIN", "BJ")
        lines.append(
            DespatchLine(
                **reader.common(section),
                quantity=reader.quantity(section, "12", "21", "1") or 0,
                parcel=(within.get(1)[:TEXT] if within else "")
                or parcels[section.segments[0].number]
                or None,
            )
        )
    return Despatch(
        **reader.about("137"),
        expected_on=reader.day(reader.header, "17", "2", "11"),
        order_number=reader.header.reference("ON"),
        lines=tuple(lines),
    )


def _charges(reader: Reader, section: Section) -> Iterator[Charge]:
    """ALC with its MOA, of a header or a summary."""
    alc: Segment | None = None
    for segment in section.segments:
        if segment.tag == "ALC":
            alc = segment
        elif segment.tag == "MOA" and alc is not None and segment.get(0) in ("8", "23", "204"):
            amount = reader.number(segment, segment.get(0, 1))
            code = alc.get(4) or alc.get(1)
            text = alc.get(4, 3) or alc.get(1) or ("Allowance" if alc.get(0) == "A" else "Charge")
            if amount:
                sign = -1 if alc.get(0) == "A" else 1
                yield Charge(
                    _CHARGES.get(code, "other"), f"{text} ({code})" if code != text else text, sign * amount
                )
            alc = None


def bill(reader: Reader) -> Bill:
    """INVOIC."""
    bgm = reader.header.first("BGM")
    lines = []
    for section in reader.lines:
        line = BilledLine(
            **reader.common(section),
            quantity=_billed(reader, section),
            amount=reader.amount(section, "203", "38"),
            tax=reader.amount(section, "124"),
        )
        if line.amount is None:
            text = "has no amount (MOA 203)."
            reader.flaws.append(section.segments[0].flaw("line-amount-missing", text))
        lines.append(line)
    charges = (*_charges(reader, reader.header), *_charges(reader, reader.summary))
    return Bill(
        **reader.about("137", "131"),
        credit=bgm is not None and bgm.get(0) in ("381", "83", "396"),
        order_number=reader.header.reference("ON"),
        lines=tuple(lines),
        charges=charges,
        tax=reader.amount(reader.summary, "176", "124"),
        total=reader.amount(reader.summary, "9", "86", "77", "39", "128"),
    )


def _billed(reader: Reader, section: Section) -> int:
    found = reader.quantity(section, "47", "12", "21", "1")
    return 1 if found is None else found


_READ: Final = {"QUOTES": quote, "ORDRSP": response, "DESADV": despatch, "INVOIC": bill}


def read(kind: str, told: Sequence[Segment]) -> tuple[Document, list[Flaw]]:
    """What a message of one of `KINDS` says, and everything that is wrong with it."""
    reader = Reader(told)
    document: Document = _READ[kind](reader)
    reader.check_lines()
    return document, reader.flaws
