"""What the authorization server is called and offers (RFC 8414)."""

from typing import Any, Final

from fastapi import Request

from gateway.clients.assertions import ALGORITHMS
from gateway.signon.reading import InForce

DEVICE: Final = "urn:ietf:params:oauth:grant-type:device_code"
EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
GRANTS: Final = ("client_credentials", "authorization_code", "refresh_token", DEVICE, EXCHANGE)
METHODS: Final = ["client_secret_basic", "client_secret_post", "private_key_jwt"]


async def issuer_of(request: Request) -> str:
    """Our name and address: the setting, else the entity's URL, else where this request came to."""
    if public := request.app.state.public_url:
        return str(public).rstrip("/")
    in_force: InForce = request.app.state.saml.in_force
    doc = await in_force.now()
    return doc.entity.url if doc.entity is not None else str(request.base_url).rstrip("/")


def metadata(issuer: str, scopes: list[str], *, binds: bool) -> dict[str, Any]:
    """The document that clients set themselves up by. `binds`: whether tokens can be bound to a key."""
    return ({"dpop_signing_alg_values_supported": ALGORITHMS} if binds else {}) | {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth2/authorize",
        "token_endpoint": f"{issuer}/oauth2/token",
        "pushed_authorization_request_endpoint": f"{issuer}/oauth2/par",
        "device_authorization_endpoint": f"{issuer}/oauth2/device_authorization",
        "revocation_endpoint": f"{issuer}/oauth2/revoke",
        "introspection_endpoint": f"{issuer}/oauth2/introspect",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "service_documentation": f"{issuer}/docs",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANTS),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "token_endpoint_auth_methods_supported": [*METHODS, "none"],
        "token_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
        "revocation_endpoint_auth_methods_supported": [*METHODS, "none"],
        "introspection_endpoint_auth_methods_supported": METHODS,
        "introspection_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
        "scopes_supported": scopes,
    }
