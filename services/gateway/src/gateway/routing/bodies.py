"""Bodies on their way in: bounded whatever they declared, and given up when their client pauses too long."""

import asyncio

from starlette.types import Message, Receive, Scope

from chassis.problems import Problem, TooLarge

SLOWEST = 1024
"""Bytes a second that a client must send on the whole, past its patience (Apache's `MinRate`, against Slowloris)."""
WHOLE = 64 * 1024
"""Bytes up to which a body is read before a service is asked: it can be sent again, and costs no place."""


class TooSlow(Problem):
    """The body stopped coming."""

    status, code, title = 408, "too-slow", "The body stopped coming: send the request again."

    def __init__(self) -> None:
        super().__init__(headers={"Connection": "close"})


class ClientGone(ConnectionError):
    """The client hung up in the middle of its request; nobody is left to be told."""


class Body:
    """A request's body, taken from its client piece by piece."""

    def __init__(self, receive: Receive, *, limit: int, patience: float) -> None:
        self._receive = receive
        self._limit = limit
        self._patience = patience
        self._taken = 0
        self._waited = 0.0
        self._first: list[bytes] = []
        self.ended = False

    async def receive(self) -> Message:
        """The next ASGI message, as an app in this process takes it."""
        if self.ended:
            return await self._receive()
        clock = asyncio.get_running_loop().time
        began = clock()
        left = self._patience + self._taken / SLOWEST - self._waited
        try:
            async with asyncio.timeout(min(left, self._patience)):
                message = await self._receive()
        except TimeoutError:
            raise TooSlow from None
        self._waited += clock() - began
        self._taken += len(message.get("body", b""))
        if self._taken > self._limit:
            raise TooLarge(f"A body may have {self._limit} bytes here.")
        self.ended = not message.get("more_body")
        return message

    async def whole(self) -> bytes | None:
        """All of it when it is short; None when it goes on, what came being kept for `piece`."""
        while not self.ended:
            if self._taken > WHOLE:
                return None
            self._first.append(await self._next())
        return b"".join(self._first)

    async def piece(self) -> bytes:
        """The next piece; nothing at its end."""
        if self._first:
            came = b"".join(self._first)
            self._first.clear()
            return came
        while not self.ended:
            if came := await self._next():
                return came
        return b""

    async def _next(self) -> bytes:
        message = await self.receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        came: bytes = message.get("body", b"")
        return came


def declares_body(scope: Scope) -> bool:
    """Whether a body comes with the request (RFC 9112 §6.3)."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0"))
        for name, value in scope["headers"]
    )
