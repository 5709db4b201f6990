"""A platform registers us by itself (LTI Dynamic Registration 1.0), at an address that the library has given out.

The address is good once, for a while, and for the platform's host alone: whoever finds it later, or elsewhere, opens
nothing by it.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
from pydantic import ValidationError

from chassis.database import Sessions
from chassis.guard import Guard
from gateway.lti import commands
from gateway.lti.documents import LtiDeploymentDoc, LtiPlatformDoc
from gateway.lti.fetching import fetched
from gateway.lti.rosters import SCOPE
from gateway.lti.rules import DEEP_LINK, RESOURCE_LINK
from gateway.lti.tables import LtiPlatform
from gateway.sessions.cookies import digest
from gateway.signon.documents import EntityDoc
from gateway.signon.fetching import as_object
from gateway.signon.rules import DoorRefused, Why

log = logging.getLogger(__name__)

TOOL: Final = "https://purl.imsglobal.org/spec/lti-tool-configuration"
CLAIMS: Final = ("iss", "sub", "name", "given_name", "family_name", "email")
_OPEN = "SELECT id, label, host, library FROM lti_invitation WHERE code_hash = $1 AND used_at IS NULL AND ends_at > $2"
_CLAIM = """
UPDATE lti_invitation SET used_at = $2 WHERE code_hash = $1 AND used_at IS NULL AND ends_at > $2
RETURNING id, label, host, library
"""


@dataclass(frozen=True, slots=True)
class Invitation:
    """An address that was given out."""

    id: UUID
    label: str
    host: str
    library: str | None


async def invitation(pool: asyncpg.Pool, code: str, *, now: datetime) -> Invitation | None:
    """The invitation that an address stands for, while it is good."""
    row = await pool.fetchrow(_OPEN, digest(code), now)
    return Invitation(**dict(row)) if row is not None else None


async def accept(
    pool: asyncpg.Pool,
    sessions: Sessions,
    guard: Guard,
    ours: EntityDoc,
    *,
    code: str,
    configuration: str,
    token: str | None,
    now: datetime,
) -> LtiPlatform:
    """Register at the platform and remember it; `DoorRefused` where that fails, and the address stays good."""
    row = await pool.fetchrow(_CLAIM, digest(code), now)
    if row is None:
        raise DoorRefused(Why.NO_REQUEST)
    invited = Invitation(**dict(row))
    try:
        doc = await _registered(guard, ours, invited, configuration, token)
        async with sessions.begin() as tx:
            platform = await commands.register(tx, doc, guard, by=f"invitation:{invited.id}", now=now)
    except BaseException:
        await pool.execute("UPDATE lti_invitation SET used_at = NULL WHERE id = $1", invited.id)
        raise
    await pool.execute("UPDATE lti_invitation SET platform_id = $2 WHERE id = $1", invited.id, platform.id)
    log.info("a platform has registered itself", extra={"platform": platform.issuer, "label": invited.label})
    return platform


def host_of(url: object) -> str | None:
    """The host of an https address, and of http on this machine; None of anything else."""
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    near = parts.scheme == "http" and host in ("localhost", "127.0.0.1", "::1")
    if host is None or not (parts.scheme == "https" or near):
        return None
    return host if port in (None, 443) else f"{host}:{port}"


async def _registered(
    guard: Guard, ours: EntityDoc, invited: Invitation, configuration: str, token: str | None
) -> LtiPlatformDoc:
    if host_of(configuration) != invited.host:
        raise DoorRefused(Why.OTHER_ISSUER, about="the configuration is at a host that was not invited")
    answer = await fetched(guard, "GET", configuration)
    if answer.status != 200:
        raise DoorRefused(Why.AWAY, about=f"it answered {answer.status}")
    published = as_object(answer.body)
    if host_of(published.get("issuer")) != invited.host:  # Dynamic Registration §3.4
        raise DoorRefused(Why.OTHER_ISSUER, about="its document names an issuer at another host")
    where = published.get("registration_endpoint")
    if host_of(where) != invited.host or not isinstance(where, str):
        raise DoorRefused(Why.OTHER_ISSUER, about="it registers at another host")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = await fetched(guard, "POST", where, headers=headers, json=described(ours))
    if answer.status not in (200, 201):
        raise DoorRefused(Why.DENIED, about=f"it answered {answer.status} to the registration")
    return _document(published, as_object(answer.body), invited)


def described(ours: EntityDoc) -> dict[str, Any]:
    """What we tell of ourselves (Dynamic Registration §3.5.2)."""
    name = next(iter(ours.names.values()))
    launch = f"{ours.url}/lti/launch"
    told: dict[str, Any] = {
        "application_type": "web",
        "client_name": name,
        **{f"client_name#{tag}": said for tag, said in ours.names.items()},
        "response_types": ["id_token"],
        "grant_types": ["implicit", "client_credentials"],
        "initiate_login_uri": f"{ours.url}/lti/login",
        "redirect_uris": [launch],
        "jwks_uri": f"{ours.url}/lti/jwks",
        "token_endpoint_auth_method": "private_key_jwt",
        "id_token_signed_response_alg": "RS256",
        "contacts": [each.email for each in ours.contacts],
        "scope": SCOPE,
        TOOL: {
            "domain": urlsplit(ours.url).netloc,
            "target_link_uri": launch,
            "claims": list(CLAIMS),
            "messages": [
                {"type": DEEP_LINK, "target_link_uri": launch, "label": name},
                {"type": RESOURCE_LINK, "target_link_uri": launch},
            ],
        },
    }
    if ours.logo is not None:
        told["logo_uri"] = ours.logo
    return told


def _document(
    published: Mapping[str, Any], registered: Mapping[str, Any], invited: Invitation
) -> LtiPlatformDoc:
    tool = registered.get(TOOL)
    deployment = tool.get("deployment_id") if isinstance(tool, dict) else None
    try:
        return LtiPlatformDoc(
            label=invited.label,
            issuer=published["issuer"],
            client_id=registered.get("client_id", ""),
            authorization_url=published.get("authorization_endpoint", ""),
            token_url=published.get("token_endpoint", ""),
            jwks_url=published.get("jwks_uri", ""),
            token_audience=published.get("authorization_server"),
            deployments=(
                [LtiDeploymentDoc(id=str(deployment), library=invited.library)] if deployment else []
            ),
        )
    except ValidationError as error:
        about = "; ".join(f"{'/'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise DoorRefused(Why.UNREADABLE, about=about[:500]) from None
