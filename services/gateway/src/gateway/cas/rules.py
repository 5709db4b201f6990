"""What a CAS server's answer must say to be believed (CAS protocol 3.0 §2.5, appendix A). Decisions only."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.signon.rules import Why

TICKET: Final = "ST-"
PROXY_TICKET: Final = "PT-"
LONGEST_TICKET: Final = 2048
LONGEST_USER: Final = 255


@dataclass(frozen=True, slots=True)
class Told:
    """What a server answered to a ticket."""

    user: str | None
    failure: str | None = None
    """The code of its refusal."""
    proxies: tuple[str, ...] = ()
    """Through whom the ticket came, the last first."""
    attributes: dict[str, list[str]] = field(default_factory=dict)


def ticket_refusals(ticket: str, proxies: Sequence[str]) -> list[Why]:
    """Why a ticket is not even shown to the server: a proxy's, where none is allowed, or none at all."""
    kinds = (TICKET, PROXY_TICKET) if proxies else (TICKET,)
    fits = ticket.startswith(kinds) and len(ticket) <= LONGEST_TICKET
    if fits and ticket.isascii() and ticket.isprintable() and " " not in ticket:
        return []
    return [Why.PROXIED if ticket.startswith(PROXY_TICKET) else Why.TICKET]


def refusals(told: Told, proxies: Sequence[str]) -> list[Why]:
    """Every reason not to believe an answer. Each proxy of the chain must be allowed: the last could be honest."""
    user = told.user or ""
    found = {
        Why.TICKET: told.failure is not None or told.user is None,
        Why.SUBJECT: told.failure is None
        and not (0 < len(user) <= LONGEST_USER and user.isprintable() and user == user.strip()),
        Why.PROXIED: any(each.rstrip("/") not in proxies for each in told.proxies),
    }
    return [why for why, holds in found.items() if holds]
