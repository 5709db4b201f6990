"""Styles of numbered lists, without the number: Vancouver, AMA (11th), IEEE, ACS."""

from typing import Final

from catalog.citations.styles.names import Manner
from catalog.citations.styles.phrases import (
    NOTHING,
    Phrase,
    around,
    bold,
    capital,
    ended,
    glued,
    italic,
    joined,
    said,
)
from catalog.citations.styles.source import Source

_MEDICAL: Final = Manner(initials="", hyphen=False, comma=" ", last=None, most=6, first=6)


def vancouver(source: Source) -> Phrase:
    """Citing Medicine (National Library of Medicine), as journals of medicine follow it."""
    words = source.words
    role = source.heads[1]
    who = source.who(_MEDICAL)
    if role in ("editor", "translator"):
        who = glued(who, ", ", source.label(role, role, role + "s"))
    elif role == "director":
        who = glued(who, ", ", words("director"))
    online = source.text("URL") and not source.doi
    end = (
        glued(capital(said(words("available-from"))), ": ", source.text("URL"))
        if online
        else said(f"doi:{source.doi}" if source.doi else None)
    )
    title = glued(source.title(), f" [{words('internet')}]" if online else "")
    if source.kind == "article-journal":
        when = joined([said(source.year), _volume(source, "–")], ";")
        parts = [who, title, said(source.text("container-title")), when]
    elif source.kind == "chapter":
        edited = source.others("editor", _MEDICAL)
        host = glued(edited, ", ", source.label("editor", "editor", "editors")) if edited else NOTHING
        begins = glued(capital(said(words("in"))), ": ", host)
        first = joined([begins, said(source.text("container-title"))], ". " if host else "")
        pages = around(words("p.") + " ", said(source.pages(label=False)), "")
        parts = [who, title, first, _where_when(source), pages]
    elif source.kind == "thesis":
        place = around("[", said(source.text("publisher-place")), "]")
        where = joined([place, said(source.text("publisher"))], ": ")
        degree = around(" [", said(source.text("genre")), "]")
        parts = [who, glued(title, degree), joined([where, said(source.year)], "; ")]
    else:
        edited = source.others("editor", _MEDICAL)
        editors = glued(edited, ", ", source.label("editor", "editor", "editors")) if edited else NOTHING
        series = around("(", said(source.text("collection-title")), ")")
        parts = [who, title, said(source.edition), editors, _where_when(source), series]
    told = ended(joined(parts, ". "))
    return joined([told, end], " ")


def _where_when(source: Source) -> Phrase:
    return joined([source.place_and_publisher(), said(source.year)], "; ")


def _volume(source: Source, dash: str) -> Phrase:
    number = glued(source.text("volume"), around("(", said(source.text("issue")), ")"))
    return joined([number, said(source.pages(label=False, dash=dash))], ":")


_AMA: Final = Manner(initials="", hyphen=False, comma=" ", last=None, most=6, first=3)


def ama(source: Source) -> Phrase:
    """AMA Manual of Style, 11th edition, chapter 3."""
    words = source.words
    role = source.heads[1]
    who = source.who(_AMA)
    if role != "author":
        who = glued(who, ", ", source.label(role))
    end = said(f"doi:{source.doi}" if source.doi else source.text("URL"))
    edited = source.others("editor", _AMA)
    editors = glued(edited, ", ", source.label("editor")) if edited else NOTHING
    when = said(source.year)
    if source.kind == "article-journal":
        number = joined([when, _volume(source, "-")], ";")
        parts = [who, said(source.title()), italic(source.text("container-title")), number]
    elif source.kind == "chapter":
        container = italic(source.title("container-title", capitals=True))
        host = joined([editors, container], ". ")
        pages = said(source.pages(label=False, dash="-"))
        where = joined([joined([said(source.text("publisher")), when], "; "), pages], ":")
        parts = [who, said(source.title()), glued(capital(said(words("in"))), ": ", host), where]
    else:
        where = joined([said(source.text("publisher")), when], "; ")
        degree = said(source.text("genre")) if source.kind == "thesis" else NOTHING
        title = italic(source.title(capitals=True))
        parts = [who, title, said(source.edition), around("(", editors, ")"), degree, where]
    return joined([ended(joined(parts, ". ")), end], " ")


_IEEE: Final = Manner(turned="none", most=6, et_al=" ", slanted=True)


def ieee(source: Source) -> Phrase:
    """IEEE Reference Guide."""
    words = source.words
    role = source.heads[1]
    who = source.who(_IEEE)
    if role != "author":
        who = glued(who, ", ", capital(said(source.label(role))))
    where = source.place_and_publisher()
    year, pages = said(source.year), said(source.pages())
    doi = said(f"doi: {source.doi}" if source.doi else None)
    if source.kind in ("article-journal", "chapter"):
        quoted = words.quoted(said(source.title()), ",")
        container = italic(source.text("container-title"))
        if source.kind == "article-journal":
            numbers = [source.numbered("volume", "vol."), source.numbered("issue", "no.")]
            rest = joined([container, *numbers, pages, year, doi], ", ")
        else:
            edited = source.others("editor", _IEEE)
            editors = glued(edited, ", ", capital(said(source.label("editor")))) if edited else NOTHING
            host = glued(words("in"), " ", container)
            rest = joined([host, editors, where, year, pages, doi], ", ")
        return ended(glued(who, ", " if who else "", quoted, " ", rest))
    if source.kind == "thesis":
        quoted = words.quoted(said(source.title()), ",")
        told = [said(source.text(key)) for key in ("genre", "publisher", "publisher-place")]
        return ended(glued(who, ", " if who else "", quoted, " ", joined([*told, year], ", ")))
    first = joined([who, italic(source.title()), said(source.edition)], ", ")
    series = source.text("collection-title")
    if series:
        first = glued(first, " " if source.edition.endswith(".") else ". ", f"{words('in')} {series}")
    online = NOTHING
    if source.text("URL") and not source.doi:
        begins = glued("[", capital(said(words("online"))), "]. ", capital(said(words("available"))), ": ")
        online = glued(begins, source.text("URL"))
    told_so_far = joined([first, joined([where, year], ", ")], ". ")
    if online:
        return joined([told_so_far, online], ". ")
    return ended(joined([told_so_far, doi], ". "))


_ACS: Final = Manner(between="; ", last=None)
_ACS_WITHIN: Final = Manner(last=None)


def acs(source: Source) -> Phrase:
    """ACS Guide to Scholarly Communication, part 4."""
    words = source.words
    role = source.heads[1]
    who = source.who(_ACS) if role == "author" else NOTHING
    edited = source.others_or_heads("editor", _ACS_WITHIN)
    editors = glued(edited, ", ", capital(said(source.label("editor")))) if edited else NOTHING
    translated = source.others_or_heads("translator", _ACS_WITHIN)
    called = source.label("translator", "translator", "translators")
    translators = glued(translated, ", ", capital(said(called))) if translated else NOTHING
    link = said(f"https://doi.org/{source.doi}" if source.doi else None)
    title = source.title(capitals=True)
    year = said(source.year)
    publisher = said(": ".join(filter(None, (source.text("publisher"), source.text("publisher-place")))))
    where = joined([publisher, year], ", ")
    if source.kind == "article-journal":
        number = glued(
            italic(source.text("volume")),
            around(" (" if source.text("volume") else "(", said(source.text("issue")), ")"),
        )
        first = joined([italic(source.text("container-title")), bold(source.year)], " ")
        rest = joined([first, number, said(source.pages(label=False))], ", ")
        return ended(joined([who, said(title), rest, link], ". "))
    if source.kind == "chapter":
        container = glued(capital(said(words("in"))), " ", italic(source.text("container-title")))
        label = words("pp." if len(source.pages(label=False)) > 3 else "p.").rstrip(".")
        pages = said(f"{label} {source.pages(label=False)}" if source.text("page") else None)
        host = joined([container, editors, where, pages], "; ")
        return ended(joined([who, said(title), host, link], ". "))
    if source.kind == "thesis":
        told = [said(source.text(key)) for key in ("genre", "publisher", "publisher-place")]
        return ended(joined([who, said(title), joined([*told, year], ", "), link], ". "))
    what = joined([italic(title), said(source.edition)], ", ")
    series = said(source.text("collection-title"))
    rest = joined([what, editors, translators, series, where], "; ")
    return ended(joined([who, rest, link], ". "))
