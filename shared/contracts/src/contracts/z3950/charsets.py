"""Which characters two sides speak in: character set and language negotiation, model 3 (1.2.840.10003.15.3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from contracts.z3950 import ber
from contracts.z3950.ber import CONTEXT, UNIVERSAL, Element, written

Charset = Literal["utf-8", "marc-8"]
NEGOTIATION: Final = "1.2.840.10003.15.3"
UTF8: Final = "1.0.10646.1.0.8"
"""ISO 10646, in UTF-8."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What somebody would speak in, of what is spoken here."""

    charset: Charset | None
    chosen: Element | None
    """As it was proposed; None: nothing of it is spoken here."""
    records_too: bool


def proposal(other: Element | None) -> Proposal | None:
    """What an Init proposes in its `otherInfo`; None: nothing."""
    for each in other.parts if other is not None else ():
        external = each.find(4)
        if external is None:
            continue
        kind = next((part for part in external.parts if (part.kind, part.tag) == (UNIVERSAL, 6)), None)
        asked = external.find(0, 1)
        if kind is None or ber.dotted(kind.content) != NEGOTIATION or asked is None:
            continue
        records = asked.find(3)
        records_too = records is not None and any(records.content)
        offered = asked.find(1)
        for charset, chosen in _spoken(offered.parts if offered is not None else ()):
            return Proposal(charset, chosen, records_too)
        return Proposal(None, None, records_too)
    return None


def _spoken(offered: tuple[Element, ...]) -> Iterator[tuple[Charset, Element]]:
    """Those that are spoken here, UTF-8 first."""
    for each in offered:
        level = each.find(2)
        if each.tag == 2 and level is not None and ber.dotted(level.content) == UTF8:
            yield "utf-8", each
    names: dict[str, Charset] = {"utf-8": "utf-8", "utf8": "utf-8", "marc-8": "marc-8", "marc8": "marc-8"}
    for each in offered:
        named = each.find(2, 1) if each.tag == 3 else None
        name = named.text.casefold() if named is not None else ""
        if name in names:
            yield names[name], each


def answered(proposed: Proposal) -> bytes:
    """What an Init's response says to it."""
    none = written(CONTEXT, 4, b"")
    chosen = ber.again(proposed.chosen) if proposed.chosen is not None else none
    told = [written(CONTEXT, 1, [chosen])]
    if proposed.chosen is not None:
        told.append(written(CONTEXT, 3, ber.boolean(proposed.records_too)))
    external = [written(UNIVERSAL, 6, ber.oid(NEGOTIATION)), written(CONTEXT, 0, [written(CONTEXT, 2, told)])]
    return written(CONTEXT, 201, [written(UNIVERSAL, 16, [written(CONTEXT, 4, external)])])
