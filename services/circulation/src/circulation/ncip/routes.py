"""`POST /ncip`: NCIP 2.02 for the interlibrary loan of another system, which a machine client proves to be."""

from typing import Annotated, Final

from fastapi import Depends, Request, Response

from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import streamed
from chassis.principal import Principal, may
from chassis.problems import Forbidden, TooLarge, Unauthenticated, Unsupported, problems
from circulation.ncip.receiving import receive
from circulation.places.library import NotConfigured

router = new_router(tag="ncip")

MayExchange = Annotated[Principal, Depends(may("ncip:exchange"))]
XML: Final = frozenset({"application/xml", "text/xml"})
LIMIT: Final = 100_000
"""Bytes of a message."""
_XML: Final = {
    "application/xml": {"schema": {"type": "string", "description": "An NCIPMessage of version 2.0 to 2.02"}}
}


async def _body(request: Request) -> bytes:
    """The message, read no further than it may be long."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in XML:
        raise Unsupported("A message is application/xml.")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LIMIT:
            raise TooLarge(f"A message may have {LIMIT} bytes here.")
    return bytes(body)


@router.post(
    "/ncip",
    response_class=Response,
    responses={
        200: {"description": "The answer; what is wrong is told by its Problem elements", "content": _XML},
        **problems(Unauthenticated, Forbidden, NotConfigured, TooLarge, Unsupported),
    },
    openapi_extra={"requestBody": {"required": True, "content": _XML}},
)
@streamed
async def take_ncip_message(request: Request, asker: MayExchange, now: Now) -> Response:
    """LookupUser, LookupItem, RequestItem, CancelRequestItem, AcceptItem, CheckOutItem, CheckInItem and RenewItem.

    At the service point of the machine's key; told twice, each is done once.
    """
    body = await _body(request)
    answer = await receive(request.app.state.resources, body, asker, now)
    return Response(answer, media_type="application/xml")
