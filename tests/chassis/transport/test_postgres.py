"""What PostgreSQL alone can do to us: commits out of order, missed notifications, tables of an older release."""

import asyncio
from typing import Any

import asyncpg
import pytest

from chassis.ids import uuid7
from chassis.transport.postgres import CHANNEL, prepare

pytestmark = pytest.mark.parametrize("home", ["postgres"], indirect=True)

INSERT = "INSERT INTO message (queue, id, type, key, body, replay) VALUES ($1, $2, 't', 'k', '{}', false)"


async def test_what_commits_late_is_not_passed_over(place: Any) -> None:
    transport, queue = await place.transport(), place.queue()
    await transport.declare(queue, [place.type()])
    late = uuid7()
    slow = await asyncpg.connect(place.url)
    unfinished = slow.transaction()
    await unfinished.start()
    await slow.execute(INSERT, queue, late)

    async with transport.subscribe(queue) as subscription:
        sent = place.message()
        await transport.publish([sent])
        [delivery] = await subscription.receive(10, wait=10)
        assert delivery.message.id == sent.id
        await subscription.ack([delivery])
        await unfinished.commit()

        [delivery] = await subscription.receive(10, wait=10)
        assert delivery.message.id == late
    await slow.close()


async def test_a_missed_notification_is_made_good_by_the_poll(place: Any) -> None:
    transport, queue = await place.transport(), place.queue()
    await transport.declare(queue, [place.type()])
    silent = await asyncpg.connect(place.url)

    async with transport.subscribe(queue) as subscription:
        assert await subscription.receive(1, wait=0.1) == []
        asyncio.get_running_loop().call_later(0.1, lambda: asyncio.ensure_future(told()))

        async def told() -> None:
            await silent.execute(INSERT, queue, uuid7())

        assert len(await subscription.receive(1, wait=10)) == 1
    await silent.close()


async def test_a_batch_notifies_once_and_only_of_its_queues(place: Any) -> None:
    transport = await place.transport()
    first, second, other = place.queue("first"), place.queue("second"), place.queue("other")
    for queue in (first, second):
        await transport.declare(queue, [place.type()])
    await transport.declare(other, [place.type("lost")])
    heard: list[str] = []
    connection = await asyncpg.connect(place.url)
    await connection.add_listener(CHANNEL, lambda *told: heard.append(str(told[-1])))

    await transport.publish([place.message() for _ in range(200)])
    await transport.publish([place.message()], only_to=other)
    await connection.execute("SELECT 1")

    assert [sorted(told.split(",")) for told in heard] == [[first, second], [other]]
    await connection.close()


async def test_tables_of_an_older_release_are_completed(place: Any) -> None:
    await prepare(place.url)
    connection = await asyncpg.connect(place.url)
    await connection.execute(
        "ALTER TABLE dead_letter DROP COLUMN seq, DROP COLUMN replay; ALTER TABLE queue DROP COLUMN in_hand"
    )
    await connection.close()

    transport, queue = await place.transport(), place.queue()
    await transport.declare(queue, [place.type()])
    await transport.publish([place.message()])

    async with transport.subscribe(queue) as subscription:
        [delivery] = await subscription.receive(1, wait=10)
        await subscription.dead_letter(delivery, "no use")
    assert len(await transport.dead_letters(queue)) == 1


async def test_what_was_handled_leaves_no_rows_behind(place: Any) -> None:
    transport, queue = await place.transport(), place.queue()
    await transport.declare(queue, [place.type()])
    await transport.publish([place.message() for _ in range(300)])

    async with transport.subscribe(queue) as subscription:
        while batch := await subscription.receive(200, wait=0.2):
            await subscription.ack(batch)

    connection = await asyncpg.connect(place.url)
    assert await connection.fetchval("SELECT count(*) FROM message") == 0
    await connection.close()
