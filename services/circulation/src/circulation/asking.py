"""Who may ask where both staff and patrons do."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from fastapi import Request

from chassis.principal import Principal, demand, principal_of
from chassis.problems import NotFound


def patron_or(scope: str) -> Callable[[Request], Awaitable[Principal]]:
    """A dependency that admits patrons, whose own things the loader tells apart, and whoever holds the scope."""

    async def admitted(request: Request) -> Principal:
        asker = principal_of(request)
        if asker.patron_id is None:
            demand(asker, scope)
        return asker

    return admitted


def whose(asker: Principal, patron: str, scope: str) -> UUID:
    """The patron meant; `me` is the asker. Somebody else does not exist for a patron without the scope."""
    if patron == "me" and asker.patron_id is not None:
        return asker.patron_id
    try:
        found = UUID(patron)
    except ValueError:
        raise NotFound("There is no such patron.") from None
    if found != asker.patron_id:
        if asker.patron_id is not None and not asker.may(scope):
            raise NotFound("There is no such patron.")
        demand(asker, scope)
    return found
