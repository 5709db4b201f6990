"""The pages of a visit: search, look, choose, have put aside. Every request is a form that carries the visit's token.

A frame within another site may have no cookies, so none is read here. The token stands in the page alone, never in an
address; no other site can know it, so no form of another site does anything.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from fastapi import Request, Response

from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import streamed
from chassis.problems import Invalid, Malformed, NotFound, Refused, Unavailable, problems
from gateway.forms import HTML, read_form
from gateway.lti import keys, shelves
from gateway.lti.answers import VisitOver, busy, language_of, over, stopped, visiting
from gateway.lti.platform_routes import lti_of
from gateway.lti.queries import Visit
from gateway.lti.rendering import WORDING, Tongue, page
from gateway.lti.rules import (
    LINK,
    MOST_TITLES,
    Chosen,
    content_items,
    deep_linking_response,
    ids_in,
    origin_of,
)
from gateway.saml.operating import parts_of
from gateway.saml.parts import NoCampusSignIn
from gateway.sessions.cookies import new_token

router = new_router(tag="lti")

ANSWER_LIVES: Final = timedelta(minutes=30)
"""As long as somebody may look at what they have chosen before they send it off."""
LONGEST_QUERY: Final = 2000
ANSWERS: Final[dict[int | str, Any]] = {
    200: HTML,
    **problems(Malformed, VisitOver, NoCampusSignIn, NotFound, Unavailable),
}


class NothingToPut(Refused):
    """The platform takes neither launches nor links where content is chosen."""

    code, title = "content-not-taken", "The platform takes neither launches nor links here."


@dataclass(frozen=True, slots=True)
class Asked:
    """One form of a visit's page."""

    request: Request
    fields: dict[str, str]
    visit: Visit
    token: str
    language: str
    now: datetime

    @property
    def say(self) -> Tongue:
        """The page's words."""
        return Tongue(self.language)

    @property
    def query(self) -> str:
        """What is searched for."""
        return self.fields.get("query", "")[:LONGEST_QUERY]

    @property
    def page_number(self) -> int:
        """Of the results, from 0 on."""
        told = self.fields.get("page", "")
        return min(int(told), shelves.LAST_PAGE) if told.isascii() and told.isdigit() and len(told) < 4 else 0

    @property
    def here(self) -> bool:
        """Whether only the library of the deployment is looked at."""
        return self.fields.get("here") == "1" and self.visit.purpose.library is not None

    @property
    def chosen(self) -> tuple[UUID, ...]:
        """What was chosen so far."""
        told = self.fields.get("chosen", "")
        return (ids_in(told) or ()) if told else ()

    def one(self, name: str) -> UUID | None:
        """An id in a field."""
        found = ids_in(self.fields.get(name, ""))
        return found[0] if found is not None and len(found) == 1 else None

    def page(self, template: str, **told: Any) -> Response:
        """A page that only the platform frames."""
        return page(
            template,
            self.language,
            **{
                "frames": self.visit.platform.origins,
                "visit": self.token,
                "query": self.query,
                "page": self.page_number,
                "here": self.here,
                **told,
            },
        )

    def stopped(self, problem: Any, heading: str, *sentences: str) -> Response:
        """A page that says why it goes no further."""
        return stopped(
            self.request,
            problem,
            heading,
            sentences,
            frames=self.visit.platform.origins,
            language=self.language,
        )


async def _asked(request: Request, now: datetime) -> Asked | Response:
    """The form, or the page of a visit that is over."""
    fields = await read_form(request)
    language = language_of(request, fields.get("lang"))
    token = fields.get("visit", "")
    if not token:
        raise Malformed("The form belongs to no visit.")
    found = await visiting(request, token, now=now)
    if found is None or found.over:
        return over(request, found, language=language)
    return Asked(request, fields, found, token, language, now)


async def _answered(
    request: Request, now: datetime, act: Callable[[Asked], Coroutine[Any, Any, Response]]
) -> Response:
    asked = await _asked(request, now)
    return asked if isinstance(asked, Response) else await _done(asked, act)


async def _done(asked: Asked, act: Callable[[Asked], Coroutine[Any, Any, Response]]) -> Response:
    try:
        return await act(asked)
    except Unavailable as error:
        return busy(asked.request, error, asked.visit, language=asked.language)


async def first_page(request: Request, visit: Visit, token: str, *, language: str, now: datetime) -> Response:
    """What somebody sees who has just come: titles of the course, or the search."""
    asked = Asked(request, {}, visit, token, language, now)
    return await _done(asked, _start)


async def _start(asked: Asked) -> Response:
    purpose = asked.visit.purpose
    if purpose.settings is not None and purpose.settings.kind is None:
        return asked.stopped(NothingToPut(), asked.say("no-content"), asked.say("no-content-why"))
    if len(purpose.titles) == 1:
        return await _title(asked, purpose.titles[0])
    return await _titles(asked) if purpose.titles else await _search(asked)


@router.post("/lti/search", status_code=200, response_class=Response, responses=ANSWERS)
@streamed
async def search_on_visit(request: Request, now: Now) -> Response:
    """Search the catalogue, and choose from what is found where the visit is for choosing."""
    return await _answered(request, now, _search)


async def _search(asked: Asked) -> Response:
    say, purpose = asked.say, asked.visit.purpose
    chosen, told, added = list(asked.chosen), None, asked.one("add")
    if (removed := asked.one("remove")) in chosen and removed is not None:
        chosen.remove(removed)
        told = say("removed")
    wrong = added is not None and added not in chosen and len(chosen) >= MOST_TITLES
    if added is not None and added not in chosen and not wrong:
        chosen.append(added)
    titles = await shelves.titles(asked.request, chosen, now=asked.now)
    if added is not None:
        name = next((each["title"] for each in titles if each["id"] == str(added)), None)
        told = say("most-chosen") if wrong else say("added", title=name) if name is not None else None
    found: dict[str, Any] | None = None
    if asked.query.strip():
        library = purpose.library if asked.here else None
        try:
            found = await shelves.search(
                asked.request, asked.query, asked.page_number, library, now=asked.now
            )
        except Invalid:
            wrong, told = True, say("wrong-query")
    settings = purpose.settings
    heading = say("search-heading")
    if settings is not None:
        heading = say("choose-heading-of", course=purpose.course) if purpose.course else say("choose-heading")
    return asked.page(
        "search.html",
        heading=heading,
        told=told,
        wrong=wrong,
        chooses=settings is not None,
        chosen=titles,
        chosen_ids=",".join(each["id"] for each in titles),
        each_allowed=settings is not None and (settings.several or len(titles) == 1),
        list_allowed=settings is not None and settings.kind == LINK,
        library=purpose.library,
        hits=None if found is None else found["items"],
        total=0 if found is None else found["total"],
        more=found is not None and found["next_cursor"] is not None and asked.page_number < shelves.LAST_PAGE,
    )


@router.post("/lti/title", status_code=200, response_class=Response, responses=ANSWERS)
@streamed
async def show_title_on_visit(request: Request, now: Now) -> Response:
    """A title, whether it is in, and where it may be put aside; without one the titles of the course."""
    return await _answered(request, now, _shown)


async def _shown(asked: Asked) -> Response:
    title = asked.one("title")
    return await (_titles(asked) if title is None else _title(asked, title))


async def _titles(asked: Asked) -> Response:
    wanted = asked.visit.purpose.titles
    found = await shelves.titles(asked.request, wanted, now=asked.now)
    return asked.page(
        "titles.html",
        course=asked.visit.purpose.course,
        titles=found,
        missing=len(wanted) - len(found),
    )


async def _title(
    asked: Asked, title: UUID, *, told: list[str] | None = None, wrong: bool = False, once: str | None = None
) -> Response:
    """A title's page, with what has just been done about it. `once`: the key of a hold that may be tried again."""
    say, visit = asked.say, asked.visit
    seen = await shelves.seen(asked.request, visit, title, now=asked.now)
    if seen is None:
        return asked.stopped(NotFound(), say("gone"), say("gone-why"))
    placed = told is not None and not wrong
    several = len(visit.purpose.titles) > 1
    return asked.page(
        "title.html",
        title=seen.title,
        told=told,
        wrong=wrong,
        placed=placed,
        availability=seen.availability,
        items=seen.items[: shelves.COPIES_SHOWN],
        more_items=len(seen.items) > shelves.COPIES_SHOWN,
        volumes=seen.volumes,
        points=[] if placed else seen.points,
        stranger=_stranger(asked),
        help_url=visit.purpose.help_url,
        once=once or new_token(),
        catalogue=f"/titles/{title}",
        back=say("back-list" if several else "back-search"),
        back_to="/lti/title" if several else "/lti/search",
    )


def _stranger(asked: Asked) -> list[str]:
    """Why nothing can be put aside for the visitor, and what would mend it; nothing for a patron."""
    if asked.visit.patron_id is not None:
        return []
    words = WORDING.by_language[asked.language]
    why = words.get(f"stranger-{asked.visit.purpose.stranger}", words["stranger-otherwise"])
    return [why, words["stranger-mend"]]


@router.post("/lti/holds", status_code=200, response_class=Response, responses=ANSWERS)
@streamed
async def place_hold_on_visit(request: Request, now: Now) -> Response:
    """Have a title put aside for whoever visits; the same form sent twice places one hold."""
    return await _answered(request, now, _hold)


async def _hold(asked: Asked) -> Response:
    title, pickup, once = asked.one("title"), asked.one("pickup"), asked.fields.get("once", "")
    if title is None or pickup is None or not 16 <= len(once) <= 100:
        raise Malformed("A title, a pickup point and the key of the form are wanted.")
    if shelves.reader(asked.visit) is None:
        return await _title(asked, title)
    say, words = asked.say, WORDING.by_language[asked.language]
    volume = asked.fields.get("volume", "")[:200] or None
    try:
        placed = await shelves.place(
            asked.request, asked.visit, title, pickup, volume=volume, once=once, now=asked.now
        )
    except Unavailable:
        return await _title(asked, title, told=[say("hold-unsure")], wrong=True, once=once)
    if placed.refusals:
        why = [words.get(f"refusal-{code}", text) for code, text in placed.refusals]
        return await _title(asked, title, told=[say("hold-refused"), *why], wrong=True)
    told = [say("hold-placed", place=await _named(asked, pickup))]
    if placed.position is not None:
        told.append(say("hold-position", position=placed.position))
    return await _title(asked, title, told=told)


async def _named(asked: Asked, pickup: UUID) -> str:
    points = await shelves.points(asked.request, asked.now)
    return next((each["name"] for each in points if each["id"] == str(pickup)), "–")


@router.post("/lti/choice", status_code=200, response_class=Response, responses=ANSWERS)
@streamed
async def send_choice(request: Request, now: Now) -> Response:
    """What was chosen, signed for the platform (Deep Linking 2.0); a button sends it there."""
    return await _answered(request, now, _choice)


async def _choice(asked: Asked) -> Response:
    settings, how = asked.visit.purpose.settings, asked.fields.get("how", "each")
    if settings is None:
        raise Malformed("This visit is not for choosing.")
    wanted = () if how == "none" else asked.chosen
    found = await shelves.titles(asked.request, wanted, now=asked.now)
    chosen = [Chosen(UUID(each["id"]), each["title"], _about(each)) for each in found]
    as_list = how == "one" and settings.kind == LINK
    if len(chosen) > 1 and not as_list and not settings.several:
        raise Malformed("The platform takes one link at a time.")
    name = (asked.fields.get("name", "").strip()[:200] or asked.say("reading-list")) if as_list else None
    _doc, ours = await parts_of(asked.request).configured()
    items = content_items(chosen, settings, ours=ours.url, name=name) if chosen else []
    parts = lti_of(asked.request)
    claims = deep_linking_response(
        items, asked.visit.platform, settings, deployment=asked.visit.purpose.deployment, nonce=new_token()
    )
    answer = await keys.signed(parts.pool, parts.sealer, claims, lives=ANSWER_LIVES, now=asked.now)
    return asked.page(
        "choice.html",
        heading=asked.say("confirm-heading") if items else asked.say("choose-heading"),
        items=items,
        missing=len(wanted) - len(found),
        return_url=settings.return_url,
        answer=answer,
        chosen_ids=",".join(map(str, asked.chosen)),
        sends_to=[origin_of(settings.return_url), *asked.visit.platform.origins],
    )


def _about(title: dict[str, Any]) -> str | None:
    told = (title["author"], title["publisher"], title["year"])
    return ", ".join(str(each) for each in told if each) or None
