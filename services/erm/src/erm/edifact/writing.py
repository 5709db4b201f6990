"""Orders as the trade reads them: ORDERS D.96A in the profile of EDItEUR for libraries (EAN008)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from erm.edifact.documents import Copies
from erm.edifact.envelope import Address
from erm.edifact.reading import TEXT
from erm.edifact.syntax import Element, Segment, expressible

_AGENCIES: Final = {"14": "9", "31B": "31B", "91": "91", "92": "92"}
"""3055, by whose code it is (0007)."""
MOST_COPIES: Final = 999
"""That are told one by one (7297 has three digits)."""
_FREE_TEXT: Final = 70
"""Letters of one component of free text (4440), of which a segment has five."""


@dataclass(frozen=True, slots=True)
class OrderedLine:
    """A title that is ordered."""

    reference: str
    """That the vendor is to repeat (RFF LI)."""
    ean: str | None
    title: str
    author: str | None
    publisher: str | None
    year: str | None
    quantity: int
    price: str
    """For one copy, with a decimal point."""
    copies: tuple[Copies, ...] = ()
    quote_reference: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order."""

    number: str
    ordered_on: date
    currency: str
    account_number: str | None
    note: str | None
    lines: tuple[OrderedLine, ...]
    again: bool = False
    """It was sent before: the vendor is not to deliver twice."""


def orders(
    order: Ordered, *, message_reference: str, buyer: Address, supplier: Address, level: str
) -> list[Segment]:
    """The message, from UNH to before UNT."""
    return [_spoken(each, level) for each in _message(order, message_reference, buyer, supplier)]


def _spoken(segment: Segment, level: str) -> Segment:
    elements = tuple(tuple(expressible(each, level) for each in element) for element in segment.elements)
    return Segment(segment.tag, elements)


def _message(order: Ordered, message_reference: str, buyer: Address, supplier: Address) -> Iterator[Segment]:
    yield Segment("UNH", ((message_reference,), ("ORDERS", "D", "96A", "UN", "EAN008")))
    yield Segment("BGM", (("220",), (order.number,), ("7" if order.again else "9",)))
    yield Segment("DTM", (("137", order.ordered_on.strftime("%Y%m%d"), "102"),))
    yield from _free_text("GEN", order.note)
    yield Segment("NAD", (("BY",), (buyer.code, "", _AGENCIES.get(buyer.qualifier, "92"))))
    if order.account_number:
        yield Segment("RFF", (("ADE", order.account_number[:TEXT]),))
    yield Segment("NAD", (("SU",), (supplier.code, "", _AGENCIES.get(supplier.qualifier, "92"))))
    yield Segment("CUX", (("2", order.currency, "9"),))
    for at, line in enumerate(order.lines, 1):
        yield from _line(at, line)
    yield Segment("UNS", (("S",),))
    yield Segment("CNT", (("2", str(len(order.lines))),))


def _line(at: int, line: OrderedLine) -> Iterator[Segment]:
    yield Segment("LIN", ((str(at),), ("",), *([(line.ean, "EN")] if line.ean else [])))
    for code, text in (
        ("009", line.author),
        ("050", line.title),
        ("120", line.publisher),
        ("170", line.year),
    ):
        yield from _described(code, text)
    yield Segment("QTY", (("21", str(line.quantity)),))
    number = 0
    for each in line.copies if line.quantity <= MOST_COPIES else ():
        told: list[Element] = [
            (value[:TEXT], qualifier)
            for value, qualifier in (
                (each.branch, "LLO"),
                (each.fund, "LFN"),
                (each.class_mark, "LCL"),
                (each.category, "LST"),
            )
            if value
        ]
        for _ in range(each.count if told else 0):
            number += 1
            yield Segment("GIR", ((f"{number:03}",), *told))
    yield from _free_text("LIN", line.note)
    yield Segment("PRI", (("AAE", line.price),))
    yield Segment("RFF", (("LI", line.reference),))
    if line.quote_reference:
        yield Segment("RFF", (("QLI", line.quote_reference[:TEXT]),))


def cut(text: str, length: int) -> list[str]:
    """A text in pieces that readers put together again: a piece of full length is cut within a word, a shorter one
    behind a word."""
    pieces = []
    rest = " ".join(text.split())
    while len(rest) > length:
        behind = rest.rfind(" ", 0, length)
        if behind > 0:
            pieces.append(rest[:behind])
            rest = rest[behind + 1 :]
        else:
            pieces.append(rest[:length])
            rest = rest[length:].lstrip()
    return [*pieces, rest] if rest else pieces


def _described(code: str, text: str | None) -> Iterator[Segment]:
    pieces = cut(text or "", TEXT)
    for at in range(0, len(pieces), 2):
        yield Segment("IMD", (("L",), (code,), ("", "", "", *pieces[at : at + 2])))


def _free_text(subject: str, text: str | None) -> Iterator[Segment]:
    pieces: Sequence[str] = cut(text or "", _FREE_TEXT)
    for at in range(0, len(pieces), 5):
        yield Segment("FTX", ((subject,), ("",), ("",), tuple(pieces[at : at + 5])))
