"""What cannot be tried in one process, or needs no broker: consumers killed outright, and nobody at home."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from typing import Any

import pytest

from chassis.transport import DELIVERY_LIMIT, TransportDown, transport_for

CONSUMER = """
import asyncio, os, signal, sys
from chassis.transport import transport_for

async def consume(url, queue):
    transport = transport_for(url)
    await transport.open()
    async with transport.subscribe(queue) as subscription:
        idle = 0
        while idle < 2:
            batch = await subscription.receive(50, wait=1.5)
            idle = 0 if batch else idle + 1
            for delivery in batch:
                if delivery.message.body == b"kills":
                    os.kill(os.getpid(), signal.SIGKILL)
                await subscription.ack([delivery])
                print(delivery.message.key, flush=True)

asyncio.run(consume(*sys.argv[1:]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("home", ["postgres", "rabbitmq"], indirect=True)
async def test_a_message_that_kills_its_consumers_dies_alone(place: Any) -> None:
    transport, queue = await place.transport(), place.queue()
    await transport.declare(queue, [place.type()])
    bodies = [b"kills" if number == 3 else b"{}" for number in range(12)]
    await transport.publish([place.message(f"item-{n}", body) for n, body in enumerate(bodies)])

    handled: list[str] = []
    killed = 0
    for _ in range(DELIVERY_LIMIT + 3):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CONSUMER, place.url, queue, stdout=PIPE
        )
        said, _ = await process.communicate()
        handled += said.decode().split()
        if process.returncode == 0:
            break
        killed += 1

    assert killed == DELIVERY_LIMIT
    assert handled == [f"item-{number}" for number in range(12) if number != 3]
    [letter] = await transport.dead_letters(queue)
    assert (letter.key, letter.attempts) == ("item-3", DELIVERY_LIMIT)
    assert "vanished" in letter.reason


@pytest.mark.parametrize("url", ["amqp://guest:guest@127.0.0.1:9/", "postgresql://nobody@127.0.0.1:9/bus"])
async def test_nobody_at_home_is_said_in_one_way(url: str) -> None:
    transport = transport_for(url)

    with pytest.raises(TransportDown):
        await transport.open()
    with pytest.raises(TransportDown):
        await transport.depth("desk")
    with pytest.raises(TransportDown):
        async with transport.subscribe("desk"):
            pass
    await transport.close()
