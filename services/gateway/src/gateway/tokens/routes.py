"""The public keys, for whoever verifies our tokens."""

from fastapi import Request, Response

from chassis.application import new_router
from chassis.json import Json
from gateway.tokens.keys import public_set
from gateway.tokens.minting import Mint

router = new_router(tag="tokens")


@router.get("/.well-known/jwks.json")
async def jwks(request: Request) -> Response:
    """The key set (RFC 7517); a key is here an hour before it signs and a day after."""
    mint: Mint = request.app.state.mint
    return Json(public_set(await mint.keys()), headers={"Cache-Control": "public, max-age=300"})
