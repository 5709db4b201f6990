"""Writes a citation as an OpenURL 1.0 in keys and encoded values."""

from typing import Final
from urllib.parse import urlencode

from contracts.openurl.citation import OpenUrl
from contracts.openurl.reading import GENRES, Pairs

_GENRE_OF: Final = {kind: genre for genre, kind in GENRES.items()}
_FORMAT_OF: Final = {
    **dict.fromkeys(("book", "chapter", "report", "other"), "book"),
    "dissertation": "dissertation",
    "patent": "patent",
}
_WRITTEN: Final = (
    *(
        ("atitle", "article_title"),
        ("stitle", "short_title"),
        ("issn", "issn"),
        ("eissn", "eissn"),
        ("isbn", "isbn"),
    ),
    *(("volume", "volume"), ("issue", "issue"), ("part", "part"), ("ssn", "season"), ("spage", "start_page")),
    *(("epage", "end_page"), ("artnum", "article_number"), ("date", "date"), ("edition", "edition")),
    *(("pub", "publisher"), ("place", "place"), ("series", "series"), ("inst", "institution")),
    *(("degree", "degree"), ("number", "number"), ("cc", "country")),
)


def write(asked: OpenUrl) -> str:
    """The same citation as an OpenURL 1.0 in keys and encoded values, without who asked and what was wrong in it."""
    form = _FORMAT_OF.get(asked.kind, "journal")
    pairs: Pairs = [
        ("url_ver", "Z39.88-2004"),
        ("ctx_enc", "info:ofi/enc:UTF-8"),
        ("rft_val_fmt", f"info:ofi/fmt:kev:mtx:{form}"),
    ]
    if asked.source:
        pairs.append(("rfr_id", f"info:sid/{asked.source}"))
    told = (("doi", "info:doi/"), ("pmid", "info:pmid/"), ("oclc", "info:oclcnum/"))
    pairs += [("rft_id", f"{head}{getattr(asked, name)}") for name, head in told if getattr(asked, name)]
    if asked.address:
        pairs.append(("rft_id", asked.address))
    if asked.kind in _GENRE_OF:
        pairs.append(("rft.genre", _GENRE_OF[asked.kind]))
    if asked.title:
        name = {"journal": "jtitle", "book": "btitle"}.get(form, "title")
        pairs.append((f"rft.{name}", asked.title))
    pairs += [(f"rft.{key}", getattr(asked, name)) for key, name in _WRITTEN if getattr(asked, name)]
    pairs += [("rft.au", author) for author in asked.authors]
    return urlencode(pairs)
