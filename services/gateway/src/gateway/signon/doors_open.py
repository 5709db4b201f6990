"""Which doors stand open beside SAML, what the page of choices shows of them, and how somebody leaves by each."""

import logging
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import urlencode

from fastapi import Request

from chassis.problems import Problem
from gateway.cas.arriving import goodbye as goodbye_to_cas
from gateway.oidc.arriving import OidcParts
from gateway.oidc.arriving import goodbye as goodbye_to_oidc
from gateway.saml import leaving as saml
from gateway.saml.operating import parts_of
from gateway.saml.sources import words_in
from gateway.sessions import commands as sessions
from gateway.sessions.commands import Session
from gateway.signon.answers import Onward
from gateway.signon.documents import SignOnDoc
from gateway.signon.rules import DoorRefused

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Choice:
    """One line on the page of choices."""

    label: str
    href: str


def choices(doc: SignOnDoc, sought: str, *, target: str) -> list[Choice]:
    """Doors to choose from whose label or domain has each of the words; a mail address finds its domain."""
    domain = sought.strip().lower().rpartition("@")[2]
    wanted = words_in(sought)
    found = []
    for each in doc.doors:
        if each.hidden:
            continue
        at_home = domain in each.domains or any(domain.endswith(f".{known}") for known in each.domains)
        words = words_in(" ".join([each.label, *each.domains]))
        if at_home or all(any(word.startswith(want) for word in words) for want in wanted):
            query = urlencode({"provider": each.name, "target": target})
            found.append(Choice(each.label, f"/{each.door}/login?{query}"))
    if doc.password_door and (
        not wanted or (doc.ldap and domain in {d for each in doc.ldap for d in each.domains})
    ):
        found.append(
            Choice("Sign in with a name and a password", f"/sign-in/local?{urlencode({'target': target})}")
        )
    return found


async def leave(request: Request, session: Session, *, now: datetime) -> Onward | None:
    """End a session here, whatever happens elsewhere; how the other side is told, where it can be."""
    await sessions.end(request.app.state.resources.pool, session.id)
    parts = parts_of(request)
    doc = await parts.in_force.now()
    if doc.entity is None:
        return None
    if session.door == "saml":
        return await saml.leave(parts, session, now=now)
    if session.door == "cas":
        return goodbye_to_cas(doc, session.entity_id)
    if session.door == "oidc":
        oidc: OidcParts = request.app.state.oidc
        provider = next((each for each in doc.oidc if each.issuer == session.entity_id), None)
        if provider is not None:
            try:
                return await goodbye_to_oidc(oidc, provider, ours=doc.entity.url)
            except DoorRefused:
                log.warning("a provider could not be told", extra={"issuer": provider.issuer})
    return None


def step_up(doc: SignOnDoc, session: Session) -> str | None:
    """Where somebody signs in anew with two factors; None at doors that know no second one."""
    again = {"mfa": "true", "forceAuthn": "true"}
    if session.door == "saml" and session.entity_id is not None:
        return f"/saml/login?{urlencode({'entityID': session.entity_id, **again})}"
    name = next((each.name for each in doc.doors if each.provider == session.entity_id), None)
    return None if name is None else f"/{session.door}/login?{urlencode({'provider': name, **again})}"


class TooManyBegun(Problem):
    """From one place more sign-ins are begun than people sit there."""

    status, code, title = 429, "sign-ins-begun", "Too many sign-ins are begun from where you are."


class Crowd:
    """How many sign-ins one address has begun lately in this process: each leaves a row for fifteen minutes."""

    A_MINUTE = 600
    """A campus behind one address; a reverse proxy on another machine must be named to uvicorn, else it is one."""
    KNOWN = 10_000

    def __init__(self) -> None:
        self._begun: OrderedDict[str, tuple[datetime, int]] = OrderedDict()

    def count(self, address: str | None, *, now: datetime) -> None:
        """Count one; `TooManyBegun` when it is one too many."""
        place = self._place(address)
        since, begun = self._begun.pop(place, (now, 0))
        if now - since >= timedelta(minutes=1):
            since, begun = now, 0
        self._begun[place] = since, begun + 1
        while len(self._begun) > self.KNOWN:
            self._begun.popitem(last=False)
        if begun >= self.A_MINUTE:
            raise TooManyBegun(headers={"Retry-After": "60"})

    @staticmethod
    def _place(address: str | None) -> str:
        """One client has a whole IPv6 network of its own (RFC 6177)."""
        try:
            told = ip_address(address or "")
        except ValueError:
            return ""
        return str(ip_network((told, 64), strict=False)) if isinstance(told, IPv6Address) else str(told)


def count_begun(request: Request, now: datetime) -> None:
    """Count a sign-in that is begun; `TooManyBegun` when it is one too many."""
    crowd: Crowd = request.app.state.crowd
    crowd.count(request.client.host if request.client else None, now=now)
