"""Pull slips as a page to print: one block each, cut apart nowhere. No clock, no database."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from html import escape
from typing import Any

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


def page(slips: Iterable[Mapping[str, Any]], *, more: bool, now: datetime) -> str:
    """Every slip, in the order that it is given."""
    told = [_slip(slip) for slip in slips]
    rest = "<p>There are more; these are the oldest.</p>" if more else ""
    none = "" if told else "<p>Nothing is to be fetched.</p>"
    return (
        '<!doctype html><html lang="en" dir="ltr"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Pull slips</title>'
        f"<style>{_STYLE}</style></head><body><h1>Pull slips, {now:%Y-%m-%d %H:%M} UTC: {len(told)}</h1>"
        f"{none}{''.join(told)}{rest}</body></html>"
    )


def _slip(slip: Mapping[str, Any]) -> str:
    where = " · ".join(filter(None, (slip["library"], slip["location"])))
    cited = slip["citation"]
    rows = [
        ("Where", where),
        ("Title", cited.get("title")),
        *((label, cited.get(name)) for name, label in _CITED),
        ("For", f"{slip['partner']} ({slip['symbol']})"),
        ("Service", " ".join(filter(None, (slip["service"], slip["service_level"])))),
        ("Needed before", f"{slip['need_before']:%Y-%m-%d}" if slip["need_before"] else None),
        ("Conditions", "; ".join(slip["conditions"])),
        ("Note", slip["note"]),
    ]
    told = "".join(f"<dt>{label}</dt><dd>{escape(str(value))}</dd>" for label, value in rows if value)
    barcode = f'<p class="barcode">{escape(slip["item_barcode"])}</p>' if slip["item_barcode"] else ""
    heading = slip["call_number"] or cited.get("title") or slip["number"]
    return (
        f"<article><h2>{escape(str(heading))}</h2>{barcode}<dl>{told}"
        f"<dt>Request</dt><dd>{escape(slip['number'])}</dd></dl></article>"
    )
