"""The port of Z39.50: who may come, for how long, and how all go home. A slow client keeps itself waiting alone."""

import asyncio
import contextlib
import logging
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from catalog.z3950.association import Association
from chassis.resources import Resources
from contracts.z3950 import responses
from contracts.z3950.ber import NotBer
from contracts.z3950.framing import Framing

log = logging.getLogger(__name__)

LONGEST_REQUEST: Final = 65_536
"""Bytes of a request: a query has a few hundred."""
BEGIN_SECONDS: Final = 30.0
"""For the first request, from when somebody has come."""
SEND_SECONDS: Final = 60.0
"""For an answer to be taken."""
LINGER_SECONDS: Final = 5.0
"""For the last one, when the other side is gone or will not read."""
DRAIN_SECONDS: Final = 20.0
SEARCHES_AT_ONCE: Final = 4
_PIECE: Final = 16_384


class Listener:
    """All associations of this process."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._places = asyncio.Semaphore(SEARCHES_AT_ONCE)
        self._addresses: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stopping = asyncio.Event()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        number: int = self._server.sockets[0].getsockname()[1]
        return number

    async def open(self) -> None:
        """Listen. `OSError` where that is not possible."""
        settings = self._resources.settings
        self._server = await asyncio.start_server(
            self._come, settings.z3950_host, settings.z3950_port, limit=_PIECE
        )

    async def close(self) -> None:
        """Take nobody in any more; let those who wait for an answer have it, and tell all that it is over."""
        assert self._server is not None
        self._server.close()
        self._stopping.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=DRAIN_SECONDS)
            for task in late:
                task.cancel()

    async def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        peer = writer.get_extra_info("peername")
        address = str(peer[0]) if peer else ""
        settings = self._resources.settings
        self._addresses[address] += 1
        try:
            association = Association(self._resources, self._places)
            if (
                self._addresses.total() > settings.z3950_associations
                or self._addresses[address] > settings.z3950_associations_per_address
            ):
                await _say(writer, association.close(responses.RESOURCES, "Too many associations."))
            else:
                await self._associate(association, reader, writer)
        except (OSError, TimeoutError, asyncio.CancelledError):  # they have gone, take no answer, or are late
            writer.transport.abort()
        finally:
            await _hang_up(writer)
            self._addresses[address] -= 1
            if not self._addresses[address]:
                del self._addresses[address]

    async def _associate(
        self, association: Association, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        framing = Framing(LONGEST_REQUEST)
        while not association.ended:
            seconds = self._resources.settings.z3950_idle_seconds
            if not association.began:
                seconds = min(seconds, BEGIN_SECONDS)
            try:
                told = await self._next(framing, reader, seconds)
            except NotBer as error:
                await _say(writer, association.close(responses.PROTOCOL_ERROR, str(error)))
                return
            except TimeoutError:
                silence = "Nothing was asked for too long."
                await _say(writer, association.close(responses.LACK_OF_ACTIVITY, silence))
                return
            if self._stopping.is_set():
                await _say(writer, association.close(responses.SHUTDOWN, "The server is stopping."))
                return
            if told is None:
                return
            await _say(writer, await association.answer(told))

    async def _next(self, framing: Framing, reader: asyncio.StreamReader, seconds: float) -> bytes | None:
        """The next request; None: there will be none. One that comes drop by drop has no longer than any other."""
        async with asyncio.timeout(seconds):
            while (told := framing.next()) is None:
                reading = asyncio.ensure_future(reader.read(_PIECE))
                stopping = asyncio.ensure_future(self._stopping.wait())
                try:
                    await asyncio.wait([reading, stopping], return_when=asyncio.FIRST_COMPLETED)
                finally:
                    stopping.cancel()
                    if not reading.done():
                        reading.cancel()
                        with contextlib.suppress(asyncio.CancelledError):
                            await reading
                if reading.cancelled() or not (piece := reading.result()):
                    return None
                framing.feed(piece)
        return None if self._stopping.is_set() else told


async def _say(writer: asyncio.StreamWriter, told: bytes) -> None:
    """Send an answer, and wait until it has been taken. `TimeoutError`, `OSError`."""
    if told:
        writer.write(told)
        async with asyncio.timeout(SEND_SECONDS):
            await writer.drain()


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    """Let what was said last arrive; not for long."""
    writer.close()
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            await writer.wait_closed()
    except (OSError, TimeoutError):
        writer.transport.abort()


def _nobody_waits(_: int) -> None:
    """Nobody waits for us to be ready."""


async def listen(
    resources: Resources, stop: asyncio.Event, ready: Callable[[int], None] = _nobody_waits
) -> None:
    """The role `z3950`: answer other libraries until told to stop. Ends the process where no port is set."""
    if resources.settings.z3950_port is None:
        print(
            "Wrong settings: CATALOG_Z3950_PORT: where is Z39.50 to listen? (210 is usual)", file=sys.stderr
        )
        raise SystemExit(2)
    listener = Listener(resources)
    await listener.open()
    ready(listener.port)
    log.info("listening for Z39.50", extra={"port": listener.port})
    try:
        await stop.wait()
    finally:
        await listener.close()
