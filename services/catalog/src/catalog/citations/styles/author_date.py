"""Styles that tell who and when first: APA (7th), Chicago's author-date (18th), Harvard (Cite Them Right), ISO 690."""

from typing import Final

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

_APA: Final = Manner(last="&", serial="always", most=20, first=19, ellipsis=True)
_APA_WITHIN: Final = Manner(turned="none", last="&")


def apa(source: Source) -> Phrase:
    """Publication Manual of the American Psychological Association, 7th edition, chapter 9."""
    words = source.words
    role = source.heads[1]
    who = source.who(_APA)
    if role != "author":
        called = words("director") if role == "director" else source.label(role)
        who = glued(who, around(" (", capital(said(called)), ")"))
    when = said(f"({source.year or words('no-date')})")
    link = source.link
    if source.kind in ("chapter", "article-journal"):
        rest = [said(source.title()), _apa_host(source)]
        told = joined([who, when, *rest] if who else [rest[0], when, rest[1]], ". ")
    else:
        edited = source.others("editor", _APA_WITHIN)
        translated = source.others("translator", _APA_WITHIN)
        details = joined(
            [
                glued(edited, ", ", capital(said(source.label("editor")))) if edited else NOTHING,
                glued(translated, ", ", capital(said(words("trans.")))) if translated else NOTHING,
                said(source.edition),
            ],
            "; ",
        )
        form = source.text("genre") if source.kind == "thesis" else source.medium
        what = glued(
            italic(source.title()),
            around(" (", details, ")"),
            around(" [", capital(said(form)) if source.kind != "thesis" else said(form), "]"),
        )
        told = joined([who, when, what] if who else [what, when], ". ")
        told = joined([told, said(source.text("publisher"))], ". ")
    return joined([told, said(link)], ". ") if link else ended(told)


def _apa_host(source: Source) -> Phrase:
    container = source.title("container-title", capitals=source.kind == "article-journal")
    if source.kind == "article-journal":
        issue = around("(", said(source.text("issue")), ")")
        number = glued(italic(source.text("volume")), issue)
        return joined([italic(container), number, said(source.pages(label=False))], ", ")
    edited = source.others("editor", _APA_WITHIN)
    who = glued(edited, " (", capital(said(source.label("editor"))), "), ") if edited else NOTHING
    pages = around(" (", said(source.pages()), ")")
    host = glued(capital(said(source.words("in"))), " ", who, italic(container), pages)
    return joined([host, said(source.text("publisher"))], ". ")


_CHICAGO: Final = Manner(turned="first", initials=None, serial="always", most=6, first=3, scripts=True)
_CHICAGO_WITHIN: Final = Manner(turned="none", initials=None, scripts=True)


def chicago_author_date(source: Source) -> Phrase:
    """The Chicago Manual of Style, 18th edition, chapter 13: author and date."""
    what = chicago_title(source)
    when = said(source.year or source.words("no-date"))
    who = chicago_who(source)
    parts = [who, when, what] if who else [what, when]
    if source.kind == "article-journal":
        issue = around(" (", said(source.text("issue")), ")")
        host = glued(
            italic(source.title("container-title", capitals=True)),
            around(" ", said(source.text("volume")), ""),
            issue,
            around(": ", said(source.pages(label=False)), ""),
        )
        return ended(joined([*parts, host, said(source.link)], ". "))
    if source.kind == "thesis":
        degree = joined([said(source.text("genre")), said(source.text("publisher"))], ", ")
        return ended(joined([*parts, degree, said(source.link)], ". "))
    return ended(
        joined([*parts, *chicago_host(source), said(source.text("publisher")), said(source.link)], ". ")
    )


def chicago_who(source: Source) -> Phrase:
    """Who stands first, and as what."""
    names, role = source.heads
    who = source.who(_CHICAGO)
    return glued(who, ", ", source.label(role)) if names and role != "author" else who


def chicago_title(source: Source) -> Phrase:
    """The title; behind it, upright, as it is printed in its own script (11.110 of the 17th edition)."""
    title, printed = source.title(capitals=True), source.original_title
    if source.kind in ("article-journal", "chapter", "thesis"):
        quoted = source.words.quoted(said(title), "" if printed else ".")
        return glued(quoted, around(" ", said(printed), ""))
    return glued(italic(title), around(" ", said(printed), ""))


def chicago_host(source: Source) -> list[Phrase]:
    """What stands between the title and the publisher: host, edition, who else, series."""
    words = source.words
    edited = around(words("edited-by") + " ", source.others("editor", _CHICAGO_WITHIN), "")
    translated = around(words("translated-by") + " ", source.others("translator", _CHICAGO_WITHIN), "")
    if source.kind == "chapter":
        container = italic(source.title("container-title", capitals=True))
        host = glued(capital(said(words("in"))), " ", joined([container, edited, translated], ", "))
        return [host if container else NOTHING]
    series = said(source.title("collection-title", capitals=True))
    return [said(source.edition), capital(edited), capital(translated), series]


_HARVARD: Final = Manner(initials=".", serial="never", most=3, et_al=" ", slanted=True)
_HARVARD_WITHIN: Final = Manner(turned="none", initials=".", serial="never")


def harvard(source: Source) -> Phrase:
    """Harvard as Cite Them Right (12th edition) has it."""
    words = source.words
    role = source.heads[1]
    who = source.who(_HARVARD) if role != "director" else NOTHING
    if role == "editor":
        who = glued(who, " (", source.label("editor"), ")")
    elif role == "translator":
        who = glued(who, " (", words("trans."), ")")
    when = said(f"({source.year or words('no-date-long')})")
    link = glued(capital(said(words("available-at"))), ": ", source.link) if source.link else NOTHING
    if source.kind in ("article-journal", "chapter"):
        return ended(joined([glued(who, " " if who else "", when, " ", _harvard_part(source)), link], ". "))
    title = italic(source.title())
    first = glued(who, " ", when, " ", title) if who else glued(title, " ", when)
    directed = around(words("directed-by") + " ", source.others_or_heads("director", _HARVARD_WITHIN), "")
    edited = around(words("edited-by") + " ", source.others("editor", _HARVARD_WITHIN), "")
    translated = around(words("translated-by") + " ", source.others("translator", _HARVARD_WITHIN), "")
    if source.kind == "thesis":
        where = joined([said(source.text("genre")), said(source.text("publisher"))], ". ")
    else:
        where = source.place_and_publisher()
    series = around(" (", said(source.text("collection-title")), ")")
    parts = [first, said(source.edition), *map(capital, (directed, edited, translated))]
    return ended(joined([*parts, glued(where, series) if where else NOTHING, link], ". "))


def _harvard_part(source: Source) -> Phrase:
    words = source.words
    title = words.quoted(said(source.title()), ",")
    container = italic(source.text("container-title"))
    if source.kind == "article-journal":
        number = glued(source.text("volume"), around("(", said(source.text("issue")), ")"))
        return glued(title, " ", joined([container, number, said(source.pages())], ", "))
    edited = source.others("editor", _HARVARD_WITHIN)
    who = glued(edited, " (", source.label("editor"), ") ") if edited else NOTHING
    where = joined([source.place_and_publisher(), said(source.pages())], ", ")
    return glued(title, " ", words("in"), " ", joined([glued(who, container), where], ". "))


_ISO: Final = Manner(initials=None, serial="never", upper=True)


def iso690(source: Source) -> Phrase:
    """ISO 690:2021, name and date."""
    words = source.words
    role = source.heads[1]
    who = source.who(_ISO)
    if role != "author":
        who = glued(who, " (", source.label(role), ")")
    when = said(source.year or f"[{words('no-date-long')}]")
    online = capital(said(words("online"))) if source.text("URL") and not source.doi else NOTHING
    reach = (
        glued(capital(said(words("available-from"))), ": ", source.text("URL"))
        if online
        else said(f"DOI {source.doi}." if source.doi else None)
    )
    isbn = said(f"ISBN {source.text('ISBN')}" if source.text("ISBN") else None)
    if source.kind in ("article-journal", "chapter"):
        head = joined([who, when, NOTHING] if who else [said(source.title()), when], ", ")
        parts = [head, said(source.title()) if who else NOTHING, *_iso_host(source)]
        return joined([ended(joined(parts, ". ")), reach], " ")
    title = italic(source.title())
    head = joined([who, when] if who else [title, when], ", ")
    parts = [
        head,
        title if who else NOTHING,
        around("[", said(source.medium), "]"),
        online,
        said(source.edition),
        said(source.text("genre")) if source.kind == "thesis" else NOTHING,
        source.place_and_publisher(),
        said(source.text("collection-title")),
        isbn,
    ]
    return joined([ended(joined(parts, ". ")), reach], " ")


def _iso_host(source: Source) -> list[Phrase]:
    words = source.words
    container = italic(source.text("container-title"))
    pages = said(f"p. {source.pages(label=False)}" if source.text("page") else None)
    if source.kind == "article-journal":
        volume = capital(source.numbered("volume", "vol."))
        number = joined([volume, source.numbered("issue", "no."), pages], ", ")
        return [container, said(source.year), number]
    edited = source.others("editor", _ISO)
    who = glued(edited, " (", source.label("editor"), "), ") if edited else NOTHING
    host = glued(capital(said(words("in"))), ": ", who, container)
    return [host, source.place_and_publisher(), pages]
