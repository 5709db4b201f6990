"""The pages ask the API as everybody does: same routes, same rules, same words when the answer is no."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson
from fastapi import Request
from starlette.types import Message

from chassis.principal import SCOPE_KEY, Principal


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API said."""

    status: int
    headers: dict[str, str]
    body: Any
    tongue: str = "en"
    """The language of its words: the API speaks English alone."""

    @property
    def good(self) -> bool:
        """Whether it was done."""
        return self.status < 400

    @property
    def reasons(self) -> list[str]:
        """Why not, in words, every reason."""
        told = self.body if isinstance(self.body, dict) else {}
        found = [str(each["text"]) for each in told.get("reasons", ()) if each.get("text")]
        return found or [str(told.get("detail") or told.get("title") or "It was not done.")]


async def ask(
    request: Request,
    who: Principal,
    method: str,
    path: str,
    body: object = None,
    *,
    query: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """Ask one of the gateway's own routes, for whoever sits at the page."""
    content = b"" if body is None else orjson.dumps(body)
    sent = {"content-type": "application/json", "content-length": str(len(content)), **(headers or {})}
    scope = {
        **request.scope,
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": urlencode(query or {}).encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
        "state": {},
        SCOPE_KEY: who,
    }
    status, told, headed = 500, bytearray(), {}

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status, headed
        if message["type"] == "http.response.start":
            status = message["status"]
            headed = {
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in message["headers"]
            }
        else:
            told.extend(message.get("body", b""))

    await request.app.router(scope, receive, send)
    return Answer(status, headed, orjson.loads(told) if told else None)
