"""A pull slip, on a page to print and as PDF: one block each, cut apart nowhere. No clock, no database."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from chassis.pdf import BOX, Line, pdf, printable, whole


class PullSlipOut(BaseModel):
    """What to fetch, from where, for whom."""

    request_id: UUID
    number: str
    partner: str
    symbol: str
    service: str
    service_level: str | None
    need_before: datetime | None
    citation: dict[str, Any]
    note: str | None
    conditions: list[str]
    item_barcode: str | None
    library: str | None
    location: str | None
    call_number: str | None


def place_of(slip: PullSlipOut) -> tuple[str, str, str, str]:
    """By library, location and call number, as the shelves are walked along."""
    return (slip.library or "", slip.location or "", slip.call_number or "", slip.number)


_STYLE = """
body { font: 11pt/1.4 system-ui, sans-serif; margin: 1.5rem; color: #000; background: #fff }
h1 { font-size: 14pt }
article { break-inside: avoid; border-top: 1px solid #000; padding: .6rem 0 1rem; max-width: 46rem }
h2 { font-size: 15pt; margin: 0 }
.barcode { font-family: ui-monospace, monospace; font-size: 13pt }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .4rem 0 }
dt { color: #444 } dd { margin: 0; overflow-wrap: anywhere }
@page { margin: 15mm }
"""
_CITED = (
    ("author", "Author"),
    ("article_title", "Article"),
    ("edition", "Edition"),
    ("volume", "Volume"),
    ("issue", "Issue"),
    ("pages", "Pages"),
    ("year", "Year"),
    ("isbn", "ISBN"),
    ("issn", "ISSN"),
)


def page(slips: Iterable[PullSlipOut], *, more: bool, at: datetime) -> str:
    """Every slip, in the order that it is given."""
    told = [_article(slip) for slip in slips]
    rest = f"<p>{_MORE}</p>" if more else ""
    none = "" if told else "<p>Nothing is to be fetched.</p>"
    return (
        '<!doctype html><html lang="en" dir="ltr"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Pull slips</title>'
        f"<style>{_STYLE}</style></head><body><h1>Pull slips, {at:%Y-%m-%d %H:%M} UTC: {len(told)}</h1>"
        f"{none}{''.join(told)}{rest}</body></html>"
    )


def paper(slips: Sequence[PullSlipOut], *, more: bool, at: datetime) -> bytes:
    """The same as PDF. Where a letter cannot be printed the slip says so, and the page has it."""
    blocks = [_block(slip) for slip in slips]
    if more:
        blocks.append([Line(_MORE)])
    return pdf(blocks, title=f"Pull slips, {at:%Y-%m-%d %H:%M} UTC: {len(slips)}", at=at)


_MORE = "There are more; these are the oldest."
_MARKED = "Not every letter of this slip can be printed in this file; the page of the batch has them all."


def _heading(slip: PullSlipOut) -> str:
    return str(slip.call_number or slip.citation.get("title") or slip.number)


def _rows(slip: PullSlipOut) -> list[tuple[str, str]]:
    cited = slip.citation
    rows = [
        ("Where", " \u00b7 ".join(filter(None, (slip.library, slip.location)))),
        ("Title", cited.get("title")),
        *((label, cited.get(name)) for name, label in _CITED),
        ("For", f"{slip.partner} ({slip.symbol})"),
        ("Service", " ".join(filter(None, (slip.service, slip.service_level)))),
        ("Needed before", f"{slip.need_before:%Y-%m-%d}" if slip.need_before else None),
        ("Conditions", "; ".join(slip.conditions)),
        ("Note", slip.note),
        ("Request", slip.number),
    ]
    return [(label, str(value)) for label, value in rows if value]


def _article(slip: PullSlipOut) -> str:
    told = "".join(f"<dt>{label}</dt><dd>{escape(value)}</dd>" for label, value in _rows(slip))
    barcode = f'<p class="barcode">{escape(slip.item_barcode)}</p>' if slip.item_barcode else ""
    return f"<article><h2>{escape(_heading(slip))}</h2>{barcode}<dl>{told}</dl></article>"


def _block(slip: PullSlipOut) -> list[Line]:
    heading = _heading(slip)
    barcode = [Line(slip.item_barcode, 13)] if slip.item_barcode else []
    rows = [Line(f"{label}: {value}") for label, value in _rows(slip)]
    lines = [Line(heading, 15, bold=True), *barcode, *rows]
    if all(whole(line.text) for line in lines):
        return lines
    sign = f"{BOX} " if any(BOX in printable(line.text) for line in lines) else ""
    return [*lines, Line(sign + _MARKED, 8)]
