"""A provider of title lists for tests: says what a test wants, and remembers what it was asked."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from support.knowing import listing

ROWS = [{"publication_title": f"Title {n}", "title_id": f"t{n}"} for n in range(10)]
LIST = listing(*ROWS)
Answer = Callable[[web.Request], web.StreamResponse | Awaitable[web.StreamResponse]]
TSV = {"Content-Type": "text/tab-separated-values"}


@dataclass
class Provider:
    """Answers by path: a list, or a whole answer."""

    port: int = 0
    lists: dict[str, bytes | Callable[[web.Request], web.StreamResponse | Awaitable[web.StreamResponse]]] = (
        field(default_factory=dict)
    )
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def url(self, path: str) -> str:
        """Where a list is."""
        return f"http://127.0.0.1:{self.port}{path}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """What a test wants."""
        self.asked.append((request.path_qs, dict(request.headers)))
        told = self.lists.get(request.path)
        if told is None:
            return web.Response(status=404)
        if callable(told):
            answered = told(request)
            return answered if isinstance(answered, web.StreamResponse) else await answered
        if request.headers.get("If-None-Match") == f'"{hash(told)}"':
            return web.Response(status=304)
        return web.Response(body=told, headers={**TSV, "ETag": f'"{hash(told)}"'})
