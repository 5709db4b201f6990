"""The page on which headings are looked along."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from catalog.headings.routes import LONGEST_CURSOR, cursors_of, walked
from catalog.oai.routes import address_of
from catalog.pages.addresses import Asked, asked
from catalog.pages.rendering import page, tongue
from catalog.pages.routes import PAGE, AcceptLanguage, being_made
from catalog.pages.rules import phrase
from catalog.pages.words import LANGUAGES
from catalog.search.browsing import Stretch
from catalog.search.engine import Reader
from catalog.search.headings import KINDS, Kind, query
from catalog.search.opened import IndexAbsent
from catalog.search.routes import TheReader
from chassis.application import new_router
from chassis.problems import Invalid
from chassis.wording import language_wanted

router = new_router(tag="pages")

BEFORE: Final = 3
SHOWN: Final = 25
LONGEST: Final = 500


@router.get("/browse", response_class=HTMLResponse, responses=PAGE)
async def browse_page(
    request: Request, reader: TheReader, accept_language: AcceptLanguage = None
) -> Response:
    """Headings as a page: `kind`, `near`, `cursor`, `lang`. What is not understood is as if it were not there."""
    given = request.query_params
    chosen = asked(given.multi_items(), tuple(LANGUAGES)).language
    language = language_wanted(chosen, accept_language, LANGUAGES)
    kind: Kind = next((each for each in KINDS if each == given.get("kind")), "subject")
    near = given.get("near", "").strip()[:LONGEST]
    cursor = given.get("cursor", "")[:LONGEST_CURSOR] or None
    try:
        found, around = await _walked(reader, kind, near, cursor)
    except IndexAbsent:
        told = {"kind": kind, "near": near, "cursor": cursor or ""}
        return await asyncio.to_thread(
            being_made, request, language, chosen, lambda each: _address(told, lang=each or "")
        )
    here = {"kind": kind, "near": near, "cursor": (cursor or "") if not around else "", "lang": chosen or ""}
    return await asyncio.to_thread(_browsed, request, language, here, kind, found, around=around)


async def _walked(reader: Reader, kind: Kind, near: str, cursor: str | None) -> tuple[Stretch, bool]:
    try:
        return await asyncio.to_thread(walked, reader, kind, near, cursor, before=BEFORE, limit=SHOWN)
    except Invalid:
        return await asyncio.to_thread(walked, reader, kind, near, None, before=BEFORE, limit=SHOWN)


def _address(told: Mapping[str, str], **changes: str) -> str:
    """The page with these changes; what is empty is left out."""
    return "/browse?" + urlencode([(name, value) for name, value in {**told, **changes}.items() if value])


def _browsed(
    request: Request, language: str, here: Mapping[str, str], kind: Kind, found: Stretch, *, around: bool
) -> Response:
    say = tongue(request, language)
    back, on = cursors_of(kind, found)
    entries: list[dict[str, Any]] = [
        {
            "phrase": phrase(each.text, ()),
            "count": each.count,
            "href": Asked(query=query(kind, each.text), language=here["lang"] or None).address(),
        }
        for each in found.headings
    ]
    public = request.app.state.resources.settings.public_url
    return page(
        request,
        "browse.html",
        language,
        chosen_language=here["lang"] or None,
        address=address_of(request, public, _address(here, lang="")),
        translations={each: _address(here, lang=each) for each in LANGUAGES},
        kind=kind,
        kinds=KINDS,
        near=here["near"],
        entries=entries,
        place=found.less if around and here["near"] and found.less < len(entries) else None,
        heading=say(f"browse-{kind}"),
        before=_address(here, near="", cursor=back) if back else None,
        after=_address(here, near="", cursor=on) if on else None,
    )
