"""The public keys, for whoever verifies our tokens; what the authorization server offers."""

from fastapi import Request, Response

from chassis.application import new_router
from chassis.json import Json
from gateway.authentication import Authenticator
from gateway.roles.rules import SCOPES
from gateway.tokens.keys import public_set
from gateway.tokens.minting import Mint
from gateway.tokens.names import issuer_of, metadata

router = new_router(tag="tokens")


@router.get("/.well-known/jwks.json")
async def jwks(request: Request) -> Response:
    """The key set (RFC 7517); a key is here an hour before it signs and a day after."""
    mint: Mint = request.app.state.mint
    return Json(public_set(await mint.keys()), headers={"Cache-Control": "public, max-age=300"})


@router.get("/.well-known/oauth-authorization-server")
async def authorization_server(request: Request) -> Response:
    """What the authorization server offers, and where (RFC 8414)."""
    authenticator: Authenticator = request.app.state.authenticator
    told = metadata(await issuer_of(request), sorted(SCOPES), binds=authenticator.proofs.taken)
    return Json(told, headers={"Cache-Control": "public, max-age=300"})
