"""OAI-PMH on the wire: one address, GET or a form; errors of the protocol are answers (200), ours are not."""

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from fastapi import Request
from fastapi.responses import StreamingResponse

from catalog.oai import answers
from catalog.oai.harvesting import Gate, Repository, encoded
from catalog.oai.rules import Code, Fault, asked
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import streamed
from chassis.problems import TooLarge, Unavailable, problems
from chassis.resources import Resources

router = new_router(tag="discovery")

XML: Final = "text/xml; charset=utf-8"
LONGEST_FORM: Final = 16_384
_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?")
ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/xml": {"schema": {"type": "string"}}}, "description": "An OAI-PMH document"}
}


@router.get("/oai", response_class=StreamingResponse, responses=ANSWER | problems(Unavailable))
async def harvest(request: Request, now: Now) -> StreamingResponse:
    """OAI-PMH 2.0 (docs/integrators.md): `verb` and its arguments in the address."""
    return await answered(request, request.url.query, now)


@router.post("/oai", response_class=StreamingResponse, responses=ANSWER | problems(Unavailable))
@streamed
async def harvest_by_form(request: Request, now: Now) -> StreamingResponse:
    """The same, with verb and arguments as a form."""
    return await answered(request, await form_of(request), now)


async def form_of(request: Request) -> str:
    """A form's body, undecoded."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            raise TooLarge(f"A form may have {LONGEST_FORM} bytes here.")
    return body.decode("latin-1")


async def answered(request: Request, said: str, now: Any) -> StreamingResponse:
    """Begin the answer: nothing is sent before it is sure that there is one."""
    repository = _repository(request, now)
    pieces = _pieces(repository, said)
    first = await anext(pieces)
    gzip = takes_gzip(request.headers.get("accept-encoding", ""))
    headers = {"Vary": "Accept-Encoding"} | ({"Content-Encoding": "gzip"} if gzip else {})
    return StreamingResponse(encoded(_joined(first, pieces), gzip=gzip), headers=headers, media_type=XML)


async def _joined(first: str, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    async for piece in rest:
        yield piece


async def _pieces(repository: Repository, said: str) -> AsyncIterator[str]:
    arguments: Mapping[str, str] = {}
    async with repository.gate.entered():
        try:
            verb, given = asked(parse_qsl(said, keep_blank_values=True, max_num_fields=100))
            arguments = {"verb": verb, **given}
            async for piece in repository.answer(verb, given):
                yield piece
        except Fault as fault:
            repeated = {} if fault.code in (Code.BAD_ARGUMENT, Code.BAD_VERB) else arguments
            head = answers.opening(repository.base_url, repository.now, repeated)
            yield head + answers.error(fault) + answers.CLOSING
        except ValueError as error:
            if arguments:
                raise
            unread = Fault(Code.BAD_ARGUMENT, f"The request cannot be read: {error}.")
            head = answers.opening(repository.base_url, repository.now, {})
            yield head + answers.error(unread) + answers.CLOSING


def _repository(request: Request, now: Any) -> Repository:
    resources: Resources = request.app.state.resources
    settings = resources.settings
    gate: Gate = resources.own.setdefault("harvest gate", Gate())
    return Repository(
        resources.pool,
        base_url=address_of(request, settings.public_url, "/oai"),
        name=settings.repository_name,
        email=settings.repository_email,
        namespace=settings.repository_id,
        page=settings.harvest_page,
        gate=gate,
        now=now,
    )


def address_of(request: Request, public_url: str | None, path: str) -> str:
    """Where clients reach this path: as configured, else as they have asked for it."""
    if public_url:
        return public_url.rstrip("/") + path
    told = _HOST.fullmatch(request.headers.get("host", ""))
    host = told[0] if told and int(told[1] or 0) < 65536 else "localhost"
    return f"{request.url.scheme}://{host}{path}"


def takes_gzip(accept_encoding: str) -> bool:
    """Whether gzip is welcome (RFC 9110 §12.5.3)."""
    for part in accept_encoding.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() in ("gzip", "x-gzip"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
