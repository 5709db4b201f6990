"""What RabbitMQ alone can do to us."""

import asyncio
from typing import Any

import aio_pika
import pytest

from chassis.transport import TransportDown
from chassis.transport.rabbitmq import BACKSTOP

pytestmark = pytest.mark.parametrize("home", ["rabbitmq"], indirect=True)


async def test_a_queue_deleted_under_its_consumer_is_said(place: Any) -> None:
    transport, queue = await place.transport(), place.queue()
    await transport.declare(queue, [place.type()])

    async with transport.subscribe(queue) as subscription:
        assert await subscription.receive(1, wait=0.1) == []
        async with await aio_pika.connect(place.url) as connection:
            await (await connection.channel()).queue_delete(f"carrel.{queue}")

        with pytest.raises(TransportDown):
            await subscription.receive(1, wait=10)


async def test_what_the_broker_itself_gave_up_is_a_dead_letter_too(place: Any, eventually: Any) -> None:
    transport, queue = await place.transport(), place.queue()
    await transport.declare(queue, [place.type()])
    sent = place.message("item-1", replay=True)
    await transport.publish([sent])

    async with await aio_pika.connect(place.url) as connection:
        channel = await connection.channel()
        main = await channel.get_queue(f"carrel.{queue}", ensure=False)
        returned = 0
        async with asyncio.timeout(30), main.iterator() as deliveries:
            async for delivery in deliveries:
                await delivery.nack(requeue=True)
                returned += 1
                if returned > BACKSTOP:
                    break

    async def dead() -> bool:
        return bool(await transport.dead_letters(queue))

    await eventually(dead)
    [letter] = await transport.dead_letters(queue)
    assert (letter.id, letter.key, letter.type, letter.replay) == (sent.id, "item-1", sent.type, True)
    assert letter.attempts == BACKSTOP + 1
    assert letter.died_at.tzinfo is not None


async def test_what_a_stranger_put_into_a_queue_can_be_set_aside(place: Any) -> None:
    transport, queue = await place.transport(), place.queue()
    await transport.declare(queue, [place.type()])
    async with await aio_pika.connect(place.url) as connection:
        channel = await connection.channel()
        await channel.default_exchange.publish(aio_pika.Message(b"hello"), f"carrel.{queue}")

    async with transport.subscribe(queue) as subscription:
        [delivery] = await subscription.receive(1, wait=10)
        await subscription.dead_letter(delivery, "not ours")

    [letter] = await transport.dead_letters(queue)
    assert letter.body == b"hello"
    assert await transport.discard_dead(queue, [letter.id]) == {letter.id}


async def test_another_process_knows_what_was_bound(place: Any) -> None:
    transport, queue = await place.transport(), place.queue()
    await transport.declare(queue, [place.type("lent"), place.type("lost")])
    await transport.close()

    newer = await place.transport()
    await newer.declare(queue, [place.type("lost")])

    gone = place.message(kind="lent", mandatory=True)
    assert (await newer.publish([gone])).unroutable == {gone.id}


async def test_a_holder_of_the_lock_that_fails_gives_it_back(place: Any) -> None:
    transport, other, queue = await place.transport(), await place.transport(), place.queue()
    assert await transport.dead_letters(queue) == []

    async with asyncio.timeout(5):
        await other.declare(queue, [place.type()])
        assert await other.dead_letters(queue) == []
