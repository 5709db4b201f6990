"""What a platform answers when we ask it: by guarded addresses, bounded in bytes and time, without redirects."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from chassis.guard import Guard
from gateway.signon.fetching import LIMIT, SECONDS
from gateway.signon.rules import DoorRefused, Why

USER_AGENT = "Carrel-LTI/1"


@dataclass(frozen=True, slots=True)
class Answer:
    """What it said."""

    status: int
    body: bytes
    next: str | None
    """The address of the next page (RFC 8288), where there is one."""


async def fetched(
    guard: Guard,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    data: Mapping[str, str] | None = None,
    json: Any = None,
) -> Answer:
    """Its whole answer; `DoorRefused` where nothing may be asked, or nothing whole is answered."""
    if against := guard.against(url):
        raise DoorRefused(Why.AWAY, about=", ".join(each.code for each in against))
    told = {"User-Agent": USER_AGENT, "Accept": "application/json", **(headers or {})}
    try:
        async with (
            guard.session(seconds=SECONDS) as http,
            http.request(method, url, headers=told, data=data, json=json, allow_redirects=False) as answer,
        ):
            body = bytearray()
            async for piece in answer.content.iter_any():
                body += piece
                if len(body) > LIMIT:
                    raise DoorRefused(Why.AWAY, about="the answer is larger than is taken")
            following = answer.links.get("next")
            return Answer(answer.status, bytes(body), str(following["url"]) if following else None)
    except (aiohttp.ClientError, OSError, ValueError, TimeoutError) as error:
        raise DoorRefused(Why.AWAY, about=type(error).__name__) from None
