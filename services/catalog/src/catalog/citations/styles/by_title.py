"""Styles that tell the date last: MLA (9th), Chicago's notes and bibliography (18th), DIN 1505-2."""

from typing import Final

from catalog.citations.styles.author_date import chicago_host, chicago_title, chicago_who
from catalog.citations.styles.names import Manner
from catalog.citations.styles.phrases import (
    NOTHING,
    Phrase,
    around,
    capital,
    ended,
    glued,
    italic,
    joined,
    said,
)
from catalog.citations.styles.source import Source

_MLA: Final = Manner(turned="first", initials=None, serial="always", most=2, scripts=True)
_MLA_WITHIN: Final = Manner(turned="none", initials=None, most=2, scripts=True)


def mla(source: Source) -> Phrase:
    """MLA Handbook, 9th edition."""
    words = source.words
    role = source.heads[1]
    who = source.who(_MLA) if role in ("author", "editor") else NOTHING
    if role == "editor":
        who = glued(who, ", ", source.label("editor", "editor", "editors"))
    title, printed = source.title(capitals=True), around(" ", said(source.original_title), "")
    within = [
        around(words("directed-by") + " ", source.others_or_heads("director", _MLA_WITHIN), ""),
        around(words("edited-by") + " ", source.others("editor", _MLA_WITHIN), ""),
        around(words("translated-by") + " ", source.others_or_heads("translator", _MLA_WITHIN), ""),
    ]
    year, link = said(source.year), said(source.link)
    if source.kind in ("article-journal", "chapter"):
        container = italic(source.title("container-title", capitals=True))
        host = [container, *within, source.numbered("volume", "vol."), source.numbered("issue", "no.")]
        if source.kind == "chapter":
            host += [said(source.text("publisher"))]
        parts = [
            who,
            glued(words.quoted(said(title), "" if printed else "."), printed),
            joined([*host, year, said(source.pages()), link], ", "),
        ]
    elif source.kind == "thesis":
        where = joined([said(source.text("publisher")), said(source.text("genre")), link], ", ")
        parts = [who, glued(italic(title), printed), year, where]
    else:
        spoken = [each for each in within if each]
        spoken[:1] = [capital(each) for each in spoken[:1]]
        edition = said(source.edition)
        told = joined([*spoken, edition, said(source.text("publisher")), year, link], ", ")
        parts = [
            who,
            glued(italic(title), printed),
            told,
            said(source.title("collection-title", capitals=True)),
        ]
    return ended(joined(parts, ". "))


def chicago_notes(source: Source) -> Phrase:
    """The Chicago Manual of Style, 18th edition, chapter 13: the entry of a bibliography that notes refer to."""
    words = source.words
    year = said(source.year or words("no-date"))
    who, what = chicago_who(source), chicago_title(source)
    if source.kind == "article-journal":
        issue = around(f", {words('no.')} ", said(source.text("issue")), "")
        host = glued(
            italic(source.title("container-title", capitals=True)),
            around(" ", said(source.text("volume")), ""),
            issue,
            around(" (", said(source.year), ")"),
            around(": ", said(source.pages(label=False)), ""),
        )
        parts = [who, what, host]
    elif source.kind == "thesis":
        parts = [
            who,
            what,
            joined([said(source.text("genre")), said(source.text("publisher")), year], ", "),
        ]
    else:
        parts = [who, what, *chicago_host(source), joined([said(source.text("publisher")), year], ", ")]
    return ended(joined([*parts, said(source.link)], ". "))


_DIN: Final = Manner(initials=None, between=" ; ", last=None, most=8, first=8, et_al=" ")
_DIN_WITHIN: Final = Manner(between=" ; ", last=None)


def din1505(source: Source) -> Phrase:
    """DIN 1505-2, which German theses still ask for; its words are German unless others are asked for."""
    names, role = source.heads
    who = source.who(_DIN if role == "author" else _DIN_WITHIN)
    people = [who]
    for each in ("editor", "translator", "director"):
        label = around(" (", said(source.label(each)), ")")
        if role == each:
            people[0] = glued(who, label)
        elif each != "editor" or source.kind != "chapter":
            other = source.others(each, _DIN_WITHIN)
            people.append(glued(other, label) if other else NOTHING)
    head = around("", joined(people, " ; "), ": ") if names else NOTHING
    year = said(source.year)
    if source.kind in ("article-journal", "chapter"):
        return glued(head, joined([said(source.title()), _din_host(source)], ". "))
    title = joined([italic(source.title()), italic(source.text("collection-title"))], ", ")
    if source.kind == "thesis":
        where = [said(source.text(key)) for key in ("publisher-place", "publisher", "genre")]
        return glued(head, joined([title, joined([*where, year], ", ")], ". "))
    where_and_when = joined([source.place_and_publisher(" : "), year], ", ")
    told = joined([title, said(source.edition), where_and_when], ". ")
    return glued(head, told, around(" — ISBN ", said(source.text("ISBN")), ""))


def _din_host(source: Source) -> Phrase:
    words = source.words
    container = italic(source.text("container-title"))
    year, pages = said(source.year), said(source.pages())
    begins = glued(capital(said(words("in"))), ": ")
    if source.kind == "article-journal":
        volume = around(" ", source.numbered("volume", "vol."), "")
        issue = said(f"Nr. {source.text('issue')}" if source.text("issue") else None)
        first = glued(container, volume, around(" (", year, ")"))
        return glued(begins, joined([first, issue, pages], ", "))
    edited = source.others("editor", _DIN_WITHIN)
    who = glued(edited, " (", source.label("editor"), "): ") if edited else NOTHING
    where = joined([source.place_and_publisher(" : "), year, pages], ", ")
    return glued(begins, who, joined([container, where], ". "))
