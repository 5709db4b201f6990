"""What a provider answers when we ask it ourselves: bounded in bytes and time, without redirects."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
import orjson

from gateway.signon.rules import DoorRefused, Why

LIMIT = 512 * 1024
"""Bytes of an answer."""
SECONDS = 15.0
"""How long a whole answer may take."""


async def fetched(
    http: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    data: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
) -> tuple[int, bytes]:
    """Status and body; `DoorRefused` when there is no whole answer."""
    asked = http.build_request(method, url, headers=headers, params=params, data=data)
    try:
        async with asyncio.timeout(SECONDS):
            answer = await http.send(
                asked, stream=True, auth=httpx.BasicAuth(*auth) if auth is not None else None
            )
            try:
                body = bytearray()
                async for piece in answer.aiter_bytes():
                    body += piece
                    if len(body) > LIMIT:
                        raise DoorRefused(Why.AWAY, about="the answer is larger than is taken")
            finally:
                await answer.aclose()
    except (httpx.HTTPError, TimeoutError) as error:
        raise DoorRefused(Why.AWAY, about=type(error).__name__) from None
    return answer.status_code, bytes(body)


def as_object(body: bytes) -> dict[str, Any]:
    """A JSON object; `DoorRefused` for anything else."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise DoorRefused(Why.UNREADABLE, about="no JSON") from None
    if not isinstance(told, dict):
        raise DoorRefused(Why.UNREADABLE, about="no JSON object")
    return told
