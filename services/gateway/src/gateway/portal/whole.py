"""The merged document as it is given out: made beside the event loop, its bytes kept for a while."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fastapi import FastAPI

from chassis.describing import described
from chassis.json import dumped
from gateway.portal.merging import Document, merged
from gateway.routing.upstream import Upstream

FRESH_SECONDS: Final = 60.0
"""How long the merged document is given out before the services, which may be newer by then, are asked again."""


@dataclass(frozen=True, slots=True)
class Whole:
    """The document of all services, and as it goes out."""

    document: Document
    content: bytes
    away: tuple[str, ...] = ()
    """Services that do not tell theirs just now."""


class WholeDocument:
    """Makes the document of all services, once for whoever asks at the same time."""

    def __init__(self, own: FastAPI, apps: Mapping[str, FastAPI], upstreams: Mapping[str, Upstream]) -> None:
        self._own, self._apps, self._upstreams = own, apps, upstreams
        self._making = asyncio.Lock()
        self._parts: Mapping[str, Document] = {}
        self._known: Whole | None = None
        self._until = float("-inf")

    async def now(self) -> Whole:
        """The document; not kept while a service is away."""
        async with self._making:
            if self._known is None or self._known.away or time.monotonic() > self._until:
                self._known = await self._fresh()
                self._until = time.monotonic() + FRESH_SECONDS
            return self._known

    async def _fresh(self) -> Whole:
        parts = {name: await described(app) for name, app in self._apps.items()}
        fetched = await asyncio.gather(*(upstream.document() for upstream in self._upstreams.values()))
        parts |= {name: told for name, told in zip(self._upstreams, fetched, strict=True) if told is not None}
        parts["gateway"] = await described(self._own)
        if self._known is not None and parts == self._parts:
            return self._known
        away = tuple(name for name in self._upstreams if name not in parts)
        whole = await asyncio.to_thread(_whole, parts, away)
        self._parts = parts
        return whole


def _whole(parts: Mapping[str, Document], away: tuple[str, ...]) -> Whole:
    document = merged(parts, own="gateway")
    if away:
        document["x-carrel-away"] = list(away)
    return Whole(document, dumped(document), away)
