"""The resolver's page: plain HTML without scripts, readable for everybody (WCAG 2.2 AA), on a phone as on a desk."""

import base64
import hashlib
from collections.abc import Sequence
from html import escape

from fastapi import Response

from erm.resolver.wire import (
    CitationOut,
    CoveredOut,
    ReasonOut,
    RefusedOut,
    ResolvedOut,
    TargetOut,
    TermShownOut,
)

STYLE = """
:root { color-scheme: light dark; --ink: #1c1f23; --soft: #4b5157; --paper: #fff; --card: #f6f7f9; --line: #c9ced4;
  --link: #0b4f9e; --on: #fff; --yes: #19602f; --no: #8a1c1c; }
@media (prefers-color-scheme: dark) { :root { --ink: #eceef0; --soft: #b9c0c7; --paper: #14171a; --card: #1e2327;
  --line: #4a525a; --link: #9cc7ff; --on: #10151a; --yes: #8fdca5; --no: #ffb0a8; } }
* { box-sizing: border-box; }
body { margin: 0; font: 100%/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; color: var(--ink);
  background: var(--paper); overflow-wrap: anywhere; }
main { max-width: 46rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 0; }
.box h2 { margin-top: 0; }
p { margin: .35rem 0; }
a { color: var(--link); text-underline-offset: .15em; }
.soft, dt { color: var(--soft); font-size: .95rem; }
ul { list-style: none; margin: 0; padding: 0; }
li.way, .box { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem;
  margin: .6rem 0; }
a.go { display: block; padding: .65rem .9rem; margin: .6rem 0 .4rem; min-height: 2.75rem; border-radius: .4rem;
  background: var(--link); color: var(--on); font-weight: 600; text-align: center; text-decoration: none; }
a.go:hover { text-decoration: underline; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
dl { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .15rem .9rem; margin: .5rem 0 0; }
dd { margin: 0; }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .35rem; } }
.permitted { color: var(--yes); } .prohibited { color: var(--no); }
summary { cursor: pointer; padding: .5rem 0; min-height: 2.75rem; }
"""
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'none'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Language": "en",
    "Vary": "Accept",
}
_USES = {
    "permitted": "allowed",
    "prohibited": "not allowed",
    "silent": "the licence does not say",
    "interpreted": "taken as allowed",
}
_KINDS = {
    "article": "Article",
    "issue": "Issue of a journal",
    "journal": "Journal",
    "proceeding": "Conference paper",
    "conference": "Conference proceedings",
    "preprint": "Preprint",
    "book": "Book",
    "chapter": "Chapter of a book",
    "report": "Report",
    "dissertation": "Dissertation",
    "patent": "Patent",
}


def _page(title: str, body: str, *, status: int = 200) -> Response:
    told = (
        '<!DOCTYPE html>\n<html lang="en" dir="ltr"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="robots" content="noindex, nofollow">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><main>\n{body}\n</main></body></html>\n"
    )
    return Response(told, status, HEADERS, media_type="text/html")


def unreadable(text: str, status: int) -> Response:
    """There is nothing to look for; what it takes."""
    body = (
        "<h1>This link tells nothing to look for</h1>"
        f"<p>{escape(text)}</p>"
        "<p>A link of this kind names an article, a journal or a book, as databases and catalogues make it "
        "(OpenURL). Please go back, and try the link again; or ask the library.</p>"
    )
    return _page("This link tells nothing to look for", body, status=status)


def page(told: ResolvedOut) -> Response:
    """What came of a citation."""
    heading = told.citation.article_title or told.citation.title or "What you are looking for"
    parts = [_cited(told.citation, heading)]
    if told.targets:
        ways = "".join(_way(target) for target in told.targets)
        parts.append(f'<h2 id="read">Read it</h2><ul aria-labelledby="read">{ways}</ul>')
    else:
        parts.append(
            '<div class="box"><h2>The library has no way to read it online</h2>' + _why(told.reasons)
        )
        parts.append("</div>")
    if told.request is not None:
        parts.append(_asking(told))
    if told.elsewhere is not None:
        parts.append(
            '<h2>At its publisher</h2><p><a rel="noreferrer" '
            f'href="{escape(told.elsewhere)}">{escape(told.elsewhere)}</a></p>'
            '<p class="soft">Some of what is there is free; the library does not pay for it there.</p>'
        )
    if told.refused:
        parts.append(_refused(told.refused, shown=not told.targets))
    if told.notes:
        notes = "".join(f"<li>{escape(note.key)}: {escape(note.text)}</li>" for note in told.notes)
        parts.append(f'<h2>What was left out of the link</h2><ul class="soft">{notes}</ul>')
    return _page(f"{heading} – how to read it", "\n".join(parts))


def _cited(citation: CitationOut, heading: str) -> str:
    where = []
    if citation.article_title and citation.title:
        where.append(f"<cite>{escape(citation.title)}</cite>")
    where += [
        escape(f"{word} {value}")
        for word, value in (("volume", citation.volume), ("issue", citation.issue))
        if value
    ]
    if citation.start_page:
        last = f"–{citation.end_page}" if citation.end_page else ""
        where.append(escape(f"pages {citation.start_page}{last}" if last else f"page {citation.start_page}"))
    if citation.date or citation.year:
        where.append(escape(citation.date or str(citation.year)))
    kind = _KINDS.get(citation.kind)
    authors = "; ".join(citation.authors[:6]) + (" …" if len(citation.authors) > 6 else "")
    numbers = [
        f"{word} {value}"
        for word, value in (
            ("ISSN", citation.issn or citation.eissn),
            ("ISBN", citation.isbn),
            ("DOI", citation.doi),
            ("PubMed", citation.pmid),
        )
        if value
    ]
    lines = [
        f'<p class="soft">{escape(kind)}</p>' if kind else "",
        f'<h1 dir="auto">{escape(heading)}</h1>',
        f'<p dir="auto">{escape(authors)}</p>' if authors else "",
        f'<p dir="auto">{", ".join(where)}</p>' if where else "",
        f'<p class="soft">{escape(" · ".join(numbers))}</p>' if numbers else "",
    ]
    return "<header>" + "".join(lines) + "</header>"


def _way(target: TargetOut) -> str:
    source = f" ({escape(target.package)})" if target.package else ""
    free = "<p>Free for everybody.</p>" if target.free else ""
    unsure = "" if target.certain else "<p>The link does not tell its date: it may not be there.</p>"
    return (
        f'<li class="way"><h3>{escape(target.platform)}</h3>'
        f'<p class="soft"><span dir="auto">{escape(target.title)}</span>{source}{_span(target.coverage)}</p>'
        f'<a class="go" rel="noreferrer" href="{escape(target.url)}">Read at {escape(target.platform)}</a>'
        f"{free}{_access(target)}{unsure}{_terms(target.terms)}</li>"
    )


def _access(target: TargetOut) -> str:
    told = [target.access.text] if target.access else []
    if target.simultaneous_users is not None:
        readers = "one reader" if target.simultaneous_users == 1 else f"{target.simultaneous_users} readers"
        told.append(f"It lets in {readers} at once.")
    return f"<p>{escape(' '.join(told))}</p>" if told else ""


def _span(coverage: Sequence[CoveredOut]) -> str:
    told = [
        f"{one.first.isoformat() if one.first else 'the beginning'} to {one.last.isoformat() if one.last else 'today'}"
        for one in coverage
        if one.first or one.last
    ]
    return f" · {escape('; '.join(told[:5]))}" if told else ""


def _terms(terms: Sequence[TermShownOut]) -> str:
    rows = "".join(
        f'<dt>{escape(term.name)}</dt><dd class="{term.use or "said"}">{escape(_said(term))}</dd>'
        for term in terms
    )
    if not rows:
        return ""
    return f'<details open=""><summary>What you may do with it</summary><dl>{rows}</dl></details>'


def _said(term: TermShownOut) -> str:
    value = term.value
    if isinstance(value, bool):
        value = "yes" if value else "no"
    elif isinstance(value, list):
        value = ", ".join(map(str, value))
    elif isinstance(value, dict):
        value = f"{value.get('amount')} {value.get('currency')}"
    told = [_USES[term.use] if term.use else None, None if value is None else str(value), term.note]
    return "; ".join(one for one in told if one)


def _why(reasons: Sequence[ReasonOut]) -> str:
    return "".join(f"<p>{escape(reason.text)}</p>" for reason in reasons)


def _asking(told: ResolvedOut) -> str:
    assert told.request is not None
    what = {"copy": "a copy of it", "loan": "it"}.get(told.request.service, "it, or a copy of it")
    lead = f"<p>The library can ask another library for {what}.</p>"
    if told.request.href is None:
        link = "<p>Ask at the desk, and bring this page's address.</p>"
    else:
        link = f'<a class="go" href="{escape(told.request.href)}">Ask the library to get it</a>'
    return f'<div class="box"><h2>Have the library get it</h2>{lead}{link}</div>'


def _refused(refused: Sequence[RefusedOut], *, shown: bool) -> str:
    rows = "".join(
        f"<dt>{escape(one.platform)}{f' ({escape(one.package)})' if one.package else ''}</dt>"
        f"<dd>{escape(' '.join(reason.text for reason in one.reasons))}</dd>"
        for one in refused[:30]
    )
    is_open = ' open=""' if shown else ""
    return f"<details{is_open}><summary>Where it cannot be read, and why</summary><dl>{rows}</dl></details>"
