"""Libraries that keep their patrons to themselves (`registration.patrons_apart`): to staff of others they do not exist.

It is about what is read of a patron: the registration, the account and whatever else stands below it. A patron who
names no library is everybody's, and so is the card in somebody's hand: any desk lends to it, as consortia do.
"""

import re
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from starlette.types import ASGIApp, Receive, Scope, Send

from chassis.principal import SCOPE_KEY, Principal
from chassis.problems import NotFound
from circulation.places.library import Library, NotConfigured, Shelf

ELSEWHERE: Final = "patrons:elsewhere"
"""The scope of staff who serve the patrons of every library all the same."""
_BELOW = re.compile(r"/v1/patrons/([^/]+)(?:/|\Z)")
_NAMED: Final = "patron_id"
_NOBODY = "00000000-0000-0000-0000-000000000000"
_LIBRARY = "SELECT library FROM patron WHERE id = $1"


def within(asker: Principal, library: Library) -> frozenset[str] | None:
    """The libraries whose patrons the asker may see; None: all."""
    if not library.registration.patrons_apart or asker.may(ELSEWHERE):
        return None
    return asker.libraries


class Apart:
    """Pure ASGI, behind who asks: a patron beyond the asker's libraries is answered like one that there is not."""

    def __init__(self, app: ASGIApp, state: Any) -> None:
        self.app, self.state = app, state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, unless it is about somebody else's patron."""
        asker = scope.get(SCOPE_KEY) if scope["type"] == "http" else None
        if asker is not None and asker.libraries is not None and asker.patron_id is None:
            below = _BELOW.match(scope["path"])
            if below and await self._beyond(asker, below[1]):
                raise NotFound("There is no such patron.")
            asked = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            shut = [name == _NAMED and await self._beyond(asker, told) for name, told in asked]
            if any(shut):
                seen = [
                    (name, _NOBODY if hide else told) for (name, told), hide in zip(asked, shut, strict=True)
                ]
                scope["query_string"] = urlencode(seen).encode()
        await self.app(scope, receive, send)

    async def _beyond(self, asker: Principal, told: str) -> bool:
        try:
            patron_id = UUID(told)
        except ValueError:
            return False  # no patron's, and the route says so
        resources = self.state.resources
        shelf: Shelf = resources.own["shelf"]
        try:
            theirs = within(asker, await shelf.fresh())
        except NotConfigured:
            return False
        if theirs is None:
            return False
        home = await resources.pool.fetchval(_LIBRARY, patron_id)
        return home is not None and home not in theirs
