"""The door of the link resolver: an OpenURL in, a page for people or JSON for programs out. It never redirects."""

from typing import Annotated

from fastapi import Query, Request, Response

from chassis.application import new_router
from chassis.clock import Now
from chassis.principal import principal_of
from chassis.problems import Malformed, Reason, problems
from contracts.openurl import OpenUrl, Unreadable, read
from erm.resolver import page
from erm.resolver.commands import resolve
from erm.resolver.queries import shown_terms
from erm.resolver.telling import explained, told
from erm.resolver.wire import ResolvedOut
from erm.rows import pool_of

router = new_router(tag="link resolver")


class OpenUrlUnreadable(Malformed):
    """Nothing in the address says what is wanted."""

    code, title = "openurl-unreadable", "This cannot be read as an OpenURL."


def wants_page(accept: str) -> bool:
    """Whether HTML is wished for before JSON (RFC 9110 §12.5.1); a program that does not say gets JSON."""
    wishes = {"text/html": 0.0, "application/json": 0.0}
    for part in accept[:2000].split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if name in wishes:
            told = next((one.removeprefix("q=") for one in parameters if one.startswith("q=")), "1")
            wishes[name] = float(told) if told.replace(".", "", 1).isdecimal() else 1.0
    return wishes["text/html"] > wishes["application/json"]


def _asked(request: Request) -> OpenUrl:
    own = (b"explain=",)
    query = b"&".join(
        piece for piece in request.scope["query_string"].split(b"&") if not piece.startswith(own)
    )
    return read(query)


@router.get(
    "/openurl",
    response_model=ResolvedOut,
    responses={
        200: {"content": {"text/html": {"schema": {"type": "string"}}}},
        **problems(OpenUrlUnreadable),
    },
)
async def resolve_openurl(
    request: Request,
    response: Response,
    now: Now,
    explain: Annotated[bool, Query(description="Tell everything that was looked at, too")] = False,
) -> Response | ResolvedOut:
    """Where the library has what an OpenURL (Z39.88-2004 in keys and encoded values, or 0.1) asks for.

    The whole query string is the OpenURL: `rft.*`, `rft_id`, `rfr_id`, or the bare keys of 0.1; one that lies within
    the address of a proxy is found there. Browsers get a page, programs JSON (`Accept`). Who asks (`req_*`) is neither
    kept nor logged; metadata by reference is not fetched.
    """
    html = wants_page(request.headers.get("accept", ""))
    try:
        asked = _asked(request)
    except Unreadable as error:
        if html:
            return page.unreadable(error.text, OpenUrlUnreadable.status)
        mend = "Send rft.issn, rft.isbn, rft_id or the like."
        raise OpenUrlUnreadable(reasons=[Reason(error.code, error.text, "query", mend)]) from error
    pool = pool_of(request)
    resolved = await resolve(pool, asked, now)
    licensed = any(target.right is not None for target in resolved.ways.targets)
    answer = told(resolved, await shown_terms(pool) if licensed else {})
    if html and not explain:
        return page.page(answer)
    if explain:
        names = principal_of(request).may("agreements:read")
        answer.explained = explained(resolved, names=names)
    response.headers.update({"Cache-Control": "private, no-store", "Vary": "Accept"})
    return answer
