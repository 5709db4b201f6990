"""Who may ask where both staff and patrons do."""

from collections.abc import Awaitable, Callable

from fastapi import Request

from chassis.principal import Principal, demand, principal_of


def patron_or(scope: str) -> Callable[[Request], Awaitable[Principal]]:
    """A dependency that admits patrons, whose own things the loader tells apart, and whoever holds the scope."""

    async def admitted(request: Request) -> Principal:
        asker = principal_of(request)
        if asker.patron_id is None:
            demand(asker, scope)
        return asker

    return admitted
