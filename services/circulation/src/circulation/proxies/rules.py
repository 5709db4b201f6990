"""May this proxy act for this sponsor? Decisions only."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID


class ProxyRefusal(StrEnum):
    """Why somebody may not act for a patron. Codes never change."""

    SELF = "proxy-is-sponsor"
    UNRELATED = "proxy-unrelated"
    INACTIVE = "proxy-inactive"


TEXTS: Final = {
    ProxyRefusal.SELF: ("Nobody is a proxy for themselves.", "Leave the proxy out."),
    ProxyRefusal.UNRELATED: (
        "The patron has not made this person a proxy, or not for today.",
        "Register the proxy, or lend to the person who came.",
    ),
    ProxyRefusal.INACTIVE: ("The proxy is not active, or their card has expired.", "Renew the proxy's card."),
}
"""What is said, and what would mend it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a proxy towards a sponsor."""

    sponsor_id: UUID
    proxy_id: UUID
    active: bool
    expires_at: datetime | None
    """The proxy's card."""
    related: bool
    """There is a relation that was not revoked …"""
    valid_from: datetime | None = None
    """… from this moment on …"""
    valid_to: datetime | None = None
    """… and until before that one."""


def proxy_refusals(proxy: Standing, *, now: datetime) -> list[ProxyRefusal]:
    """Every reason why the proxy may not act for the sponsor now."""
    oneself = proxy.sponsor_id == proxy.proxy_id
    in_force = (
        proxy.related
        and (proxy.valid_from is None or proxy.valid_from <= now)
        and (proxy.valid_to is None or now < proxy.valid_to)
    )
    applies = {
        ProxyRefusal.SELF: oneself,
        ProxyRefusal.UNRELATED: not oneself and not in_force,
        ProxyRefusal.INACTIVE: not proxy.active or (proxy.expires_at is not None and proxy.expires_at <= now),
    }
    return [refusal for refusal, holds in applies.items() if holds]
