"""What every transport promises, asked of each adapter in the same words."""

import asyncio
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Protocol
from uuid import UUID

from chassis.transport import (
    DELIVERY_LIMIT,
    Delivery,
    EventTransport,
    Message,
    QueueDepth,
    Subscription,
    TransportDown,
)

Eventually = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]


class Place(Protocol):
    """The fixture `place`: where one test's events travel."""

    name: str

    async def transport(self) -> EventTransport: ...
    def queue(self, name: str = "desk") -> str: ...
    def type(self, name: str = "lent") -> str: ...
    def message(
        self,
        key: str = "k",
        body: bytes = b"{}",
        *,
        kind: str = "lent",
        mandatory: bool = False,
        replay: bool = False,
    ) -> Message: ...
    async def break_down(self) -> None: ...


async def take(subscription: Subscription, count: int) -> list[Delivery]:
    """So many deliveries, in as many receipts as it takes; half a minute means never."""
    got: list[Delivery] = []
    async with asyncio.timeout(30):
        while len(got) < count:
            got += await subscription.receive(count - len(got), wait=1)
    return got


def ids(deliveries: list[Delivery]) -> list[UUID]:
    return [delivery.message.id for delivery in deliveries]


async def desk(place: Place, *kinds: str) -> tuple[EventTransport, str]:
    """A transport and a queue that hears of these types."""
    transport, queue = await place.transport(), place.queue()
    await transport.declare(queue, [place.type(kind) for kind in kinds or ("lent",)])
    return transport, queue


async def test_a_message_arrives_as_it_was_sent(place: Place) -> None:
    transport, queue = await desk(place)
    sent = place.message("item-1", b'{"title":"\xc3\x89tudes"}')

    published = await transport.publish([sent])

    assert published.confirmed == {sent.id}
    async with transport.subscribe(queue) as subscription:
        [delivery] = await take(subscription, 1)
        assert delivery.message == sent
        assert delivery.attempt == 1
        await subscription.ack([delivery])
        assert await subscription.receive(10, wait=0.2) == []


async def test_every_bound_queue_gets_it_and_no_other(place: Place) -> None:
    transport = await place.transport()
    first, second, deaf = place.queue("first"), place.queue("second"), place.queue("deaf")
    await transport.declare(first, [place.type("lent")])
    await transport.declare(second, [place.type("lent"), place.type("returned")])
    await transport.declare(deaf, [place.type("returned")])

    sent = place.message()
    await transport.publish([sent])

    for queue in (first, second):
        async with transport.subscribe(queue) as subscription:
            assert ids(await take(subscription, 1)) == [sent.id]
    async with transport.subscribe(deaf) as subscription:
        assert await subscription.receive(10, wait=0.3) == []


async def test_a_queue_has_exactly_the_bindings_declared_last(place: Place) -> None:
    transport, queue = await desk(place, "lent", "returned")
    await transport.declare(queue, [place.type("returned"), place.type("lost")])
    await transport.declare(queue, [place.type("returned"), place.type("lost")])

    lent, returned, lost = (place.message(kind=kind, mandatory=True) for kind in ("lent", "returned", "lost"))
    published = await transport.publish([lent, returned, lost])

    assert published.unroutable == {lent.id}
    assert published.confirmed == {returned.id, lost.id}
    async with transport.subscribe(queue) as subscription:
        assert ids(await take(subscription, 2)) == [returned.id, lost.id]


async def test_starters_may_race(place: Place) -> None:
    queue = place.queue()

    async def start() -> None:
        transport = await place.transport()
        await transport.declare(queue, [place.type("lent"), place.type("returned")])

    await asyncio.gather(*(start() for _ in range(4)))

    transport = await place.transport()
    published = await transport.publish([place.message(mandatory=True), place.message(kind="returned")])
    assert len(published.confirmed) == 2


async def test_a_mandatory_message_that_nobody_hears_is_reported(place: Place) -> None:
    transport, _ = await desk(place)
    heard, needed = place.message(mandatory=True), place.message(kind="lost", mandatory=True)
    idle = place.message(kind="lost")

    published = await transport.publish([needed, heard, idle])

    assert published.unroutable == {needed.id}
    assert published.confirmed == {heard.id, idle.id}


async def test_a_replay_goes_to_one_queue_and_says_what_it_is(place: Place) -> None:
    transport, queue = await desk(place)
    other = place.queue("other")
    await transport.declare(other, [place.type()])
    sent = place.message(mandatory=True, replay=True)

    published = await transport.publish([sent], only_to=queue)
    nowhere = await transport.publish([place.message(mandatory=True)], only_to=place.queue("nowhere"))

    assert published.confirmed == {sent.id}
    assert not nowhere.confirmed
    async with transport.subscribe(queue) as subscription:
        [delivery] = await take(subscription, 1)
        assert delivery.message.id == sent.id
        assert delivery.message.replay
    async with transport.subscribe(other) as subscription:
        assert await subscription.receive(10, wait=0.3) == []


async def test_an_empty_batch_is_no_trouble(place: Place) -> None:
    transport, queue = await desk(place)

    assert not (await transport.publish([])).confirmed
    async with transport.subscribe(queue) as subscription:
        await subscription.ack([])


async def test_what_was_confirmed_outlives_all_connections(place: Place) -> None:
    transport, queue = await desk(place)
    sent = [place.message(f"item-{number}") for number in range(20)]
    published = await transport.publish(sent)
    assert published.confirmed == {message.id for message in sent}

    await transport.close()

    again = await place.transport()
    async with again.subscribe(queue) as subscription:
        assert ids(await take(subscription, 20)) == [message.id for message in sent]


async def test_a_closed_transport_opens_again_when_it_is_used(place: Place) -> None:
    transport, queue = await desk(place)
    await transport.close()

    sent = place.message(mandatory=True)
    published = await transport.publish([sent])

    assert published.confirmed == {sent.id}
    assert (await transport.depth(queue)).waiting == 1


async def test_batches_of_five_hundred_keep_their_order(place: Place) -> None:
    transport, queue = await desk(place)
    sent = [place.message(f"item-{number % 7}") for number in range(1000)]

    for start in (0, 500):
        published = await transport.publish(sent[start : start + 500])
        assert len(published.confirmed) == 500

    async with transport.subscribe(queue) as subscription:
        got: list[UUID] = []
        while len(got) < 1000:
            batch = await take(subscription, 1)
            batch += await subscription.receive(199, wait=0)
            await subscription.ack(batch)
            got += ids(batch)
        assert got == [message.id for message in sent]
        assert await subscription.receive(10, wait=0.2) == []


async def test_keys_keep_their_order_among_several_publishers(place: Place) -> None:
    transport, queue = await desk(place)
    sent: dict[str, list[UUID]] = defaultdict(list)

    async def publish(key: str) -> None:
        own = await place.transport()
        for size in (1, 30, 2, 17, 50):
            batch = [place.message(key) for _ in range(size)]
            sent[key] += [message.id for message in batch]
            assert len((await own.publish(batch)).confirmed) == size

    got: dict[str, list[UUID]] = defaultdict(list)
    async with transport.subscribe(queue) as subscription:
        publishers = asyncio.gather(*(publish(f"item-{number}") for number in range(4)))
        for _ in range(400):
            for delivery in await take(subscription, 1):
                got[delivery.message.key].append(delivery.message.id)
                await subscription.ack([delivery])
        await publishers

    assert got == sent


async def test_what_one_publisher_confirmed_comes_before_what_another_sends_then(place: Place) -> None:
    transport, queue = await desk(place)
    publishers = [await place.transport() for _ in range(3)]
    sent: list[UUID] = []

    for turn in range(12):
        message = place.message("item-1")
        await publishers[turn % 3].publish([message])
        sent.append(message.id)

    async with transport.subscribe(queue) as subscription:
        assert ids(await take(subscription, 12)) == sent


async def test_bodies_of_a_megabyte_travel(place: Place) -> None:
    transport, queue = await desk(place)
    sent = [place.message(body=bytes([number]) * 1_000_000) for number in range(12)]

    assert len((await transport.publish(sent)).confirmed) == 12

    async with transport.subscribe(queue) as subscription:
        got = await take(subscription, 12)
        assert [delivery.message.body for delivery in got] == [message.body for message in sent]


async def test_a_consumer_gets_what_is_beyond_its_hands(place: Place) -> None:
    transport, queue = await desk(place)
    sent = [place.message(f"item-{number}") for number in range(6)]
    await transport.publish(sent)

    async with transport.subscribe(queue) as subscription:
        first = await take(subscription, 2)
        second = await take(subscription, 2)
        await subscription.ack(second)
        third = await take(subscription, 2)

        assert ids(first + second + third) == [message.id for message in sent]
        await subscription.ack(first)
        await subscription.ack(third)
    assert (await transport.depth(queue)).waiting == 0


async def test_a_consumer_holds_no_more_than_its_prefetch(place: Place) -> None:
    transport, queue = await desk(place)
    await transport.publish([place.message(f"item-{number}") for number in range(10)])

    async with transport.subscribe(queue, prefetch=4) as subscription:
        held = await take(subscription, 4)
        assert await subscription.receive(10, wait=0.3) == []
        await subscription.ack(held)
        assert len(await take(subscription, 4)) == 4


async def test_what_is_unsettled_comes_again_and_what_is_settled_does_not(place: Place) -> None:
    transport, queue = await desk(place)
    sent = [place.message(f"item-{number}") for number in range(5)]
    await transport.publish(sent)

    async with transport.subscribe(queue) as subscription:
        got = await take(subscription, 5)
        await subscription.ack([got[1], got[3]])

    async with transport.subscribe(queue) as subscription:
        assert ids(await take(subscription, 3)) == [sent[0].id, sent[2].id, sent[4].id]


async def test_one_consumer_is_active_and_another_takes_over(place: Place) -> None:
    transport, queue = await desk(place)
    standby_transport = await place.transport()
    sent = [place.message() for _ in range(3)]

    async with transport.subscribe(queue) as active:
        assert await active.receive(10, wait=0.1) == []
        async with standby_transport.subscribe(queue) as standby:
            await transport.publish(sent[:2])
            [first] = await take(active, 1)
            assert await standby.receive(10, wait=0.7) == []
            await active.ack([first])
            await transport.publish(sent[2:])
            assert await standby.receive(10, wait=0.7) == []
    async with standby_transport.subscribe(queue) as successor:
        assert ids(await take(successor, 2)) == [sent[1].id, sent[2].id]


async def test_a_standby_gets_what_comes_after_the_active_one_left(place: Place) -> None:
    transport, queue = await desk(place)
    other = await place.transport()
    active = transport.subscribe(queue)
    holder = await active.__aenter__()
    assert await holder.receive(1, wait=0.1) == []
    sent = place.message()

    async with other.subscribe(queue) as standby:
        assert await standby.receive(1, wait=0.1) == []
        await active.__aexit__(None, None, None)
        await transport.publish([sent])

        assert ids(await take(standby, 1)) == [sent.id]


async def test_a_retried_message_counts_and_dies_with_its_reason_after_the_last_attempt(place: Place) -> None:
    transport, queue = await desk(place)
    sent = place.message("item-1", b'{"poison":true}')
    await transport.publish([sent])

    attempts = []
    async with transport.subscribe(queue) as subscription:
        for _ in range(DELIVERY_LIMIT):
            [delivery] = await take(subscription, 1)
            attempts.append(delivery.attempt)
            await subscription.retry(delivery, f"ValueError: attempt {delivery.attempt}")
        assert await subscription.receive(10, wait=1.5) == []

    assert attempts == [1, 2, 3, 4, 5, 6]
    [letter] = await transport.dead_letters(queue)
    assert (letter.id, letter.queue, letter.type, letter.key) == (sent.id, queue, sent.type, "item-1")
    assert letter.body == sent.body
    assert letter.reason == "ValueError: attempt 6"
    assert letter.attempts == DELIVERY_LIMIT
    assert letter.died_at.tzinfo is not None


async def test_a_retried_message_keeps_its_place_and_other_keys_go_on(place: Place) -> None:
    transport, queue = await desk(place)
    first, other, second, third = (place.message(key) for key in ("a", "b", "a", "a"))
    await transport.publish([first, other, second, third])

    async with transport.subscribe(queue) as subscription:
        [failing] = await take(subscription, 1)
        await subscription.retry(failing, "not yet")
        came = []
        for _ in range(4):
            [delivery] = await take(subscription, 1)
            came.append((delivery.message.id, delivery.attempt))
            await subscription.ack([delivery])

    assert [one for one in came if one[0] != other.id] == [(first.id, 2), (second.id, 1), (third.id, 1)]
    assert (other.id, 1) in came
    if place.name != "memory":  # which knows no pause
        assert came[0] == (other.id, 1)


async def test_attempts_outlive_the_consumer(place: Place) -> None:
    transport, queue = await desk(place)
    await transport.publish([place.message()])

    seen = 0
    async with asyncio.timeout(60):
        while not await transport.dead_letters(queue):
            async with transport.subscribe(queue) as subscription:
                for delivery in await subscription.receive(1, wait=1):
                    assert delivery.attempt > seen
                    seen = delivery.attempt
                    await subscription.retry(delivery, "again")

    assert 1 < seen <= DELIVERY_LIMIT
    [letter] = await transport.dead_letters(queue)
    assert letter.attempts == DELIVERY_LIMIT
    assert (await transport.depth(queue)).waiting == 0


async def test_a_message_that_comes_again_comes_alone(place: Place) -> None:
    transport, queue = await desk(place)
    sent = [place.message(f"item-{number}") for number in range(4)]
    await transport.publish(sent)

    async with transport.subscribe(queue) as subscription:
        got = await take(subscription, 4)
        await subscription.retry(got[1], "not yet")
        await subscription.ack([got[0], got[2], got[3]])
        again = await take(subscription, 1)
        await transport.publish([place.message("item-9")])
        await subscription.retry(again[0], "not yet")
        await asyncio.sleep(0.8)
        batch = await subscription.receive(10, wait=5)

        assert len(batch) == 1
        assert ids(batch) == [sent[1].id]
        assert batch[0].attempt == 3


async def test_what_can_never_be_handled_is_set_aside_at_once(place: Place) -> None:
    transport, queue = await desk(place)
    sent = [place.message(body=b"no json"), place.message()]
    await transport.publish(sent)

    async with transport.subscribe(queue) as subscription:
        broken, fine = await take(subscription, 2)
        await subscription.dead_letter(broken, "broken body")
        await subscription.ack([fine])

    [letter] = await transport.dead_letters(queue)
    assert (letter.id, letter.body, letter.reason, letter.attempts) == (
        sent[0].id,
        b"no json",
        "broken body",
        1,
    )


async def bury(place: Place, transport: EventTransport, queue: str, count: int) -> list[Message]:
    sent = [place.message(f"item-{number}", replay=number == 1) for number in range(count)]
    await transport.publish(sent)
    async with transport.subscribe(queue) as subscription:
        for delivery in await take(subscription, count):
            await subscription.dead_letter(delivery, f"no use for {delivery.message.key}")
    return sent


async def test_dead_letters_stay_where_they_are_however_often_they_are_read(place: Place) -> None:
    transport, queue = await desk(place)
    sent = await bury(place, transport, queue, 5)

    for _ in range(3):
        letters = await transport.dead_letters(queue)
        assert [letter.id for letter in letters] == [message.id for message in sent]
    assert [letter.id for letter in await transport.dead_letters(queue, limit=2)] == [
        message.id for message in sent[:2]
    ]
    assert (await transport.depth(queue)).dead == 5


async def test_dead_letters_are_replayed_with_a_fresh_count(place: Place) -> None:
    transport, queue = await desk(place)
    sent = await bury(place, transport, queue, 4)

    found = await transport.replay_dead(queue, [sent[1].id, sent[2].id, place.message().id])

    assert found == {sent[1].id, sent[2].id}
    assert [letter.id for letter in await transport.dead_letters(queue)] == [sent[0].id, sent[3].id]
    async with transport.subscribe(queue) as subscription:
        got = await take(subscription, 2)
        assert [delivery.message for delivery in got] == [sent[1], sent[2]]
        assert [delivery.attempt for delivery in got] == [1, 1]
        await subscription.ack(got)


async def test_dead_letters_are_discarded(place: Place, eventually: Eventually) -> None:
    transport, queue = await desk(place)
    sent = await bury(place, transport, queue, 3)

    assert await transport.discard_dead(queue, [sent[0].id, sent[2].id]) == {sent[0].id, sent[2].id}
    assert await transport.discard_dead(queue, [sent[0].id]) == frozenset()

    assert [letter.id for letter in await transport.dead_letters(queue)] == [sent[1].id]

    async def gone() -> bool:
        return await transport.depth(queue) == QueueDepth(queue, 0, 1)

    await eventually(gone)


async def test_a_queue_that_nobody_declared_has_no_dead_letters(place: Place) -> None:
    transport, elsewhere, queue = await place.transport(), await place.transport(), place.queue("unknown")

    for one in (transport, elsewhere):
        assert await one.dead_letters(queue) == []
        assert await one.replay_dead(queue, [place.message().id]) == frozenset()
        assert await one.discard_dead(queue, [place.message().id]) == frozenset()


async def test_a_letter_may_die_again(place: Place) -> None:
    transport, queue = await desk(place)
    [sent] = await bury(place, transport, queue, 1)

    await transport.replay_dead(queue, [sent.id])
    async with transport.subscribe(queue) as subscription:
        [delivery] = await take(subscription, 1)
        await subscription.dead_letter(delivery, "still no use")

    [letter] = await transport.dead_letters(queue)
    assert letter.reason == "still no use"


async def test_the_depth_tells_what_waits(place: Place, eventually: Eventually) -> None:
    transport, queue = await desk(place)
    await transport.publish([place.message() for _ in range(7)])

    async def seven() -> bool:
        return await transport.depth(queue) == QueueDepth(queue, 7, 0)

    await eventually(seven)
    unknown = place.queue("unknown")
    assert await transport.depth(unknown) == QueueDepth(unknown, 0, 0)


async def test_a_broker_that_breaks_down_and_comes_back_has_lost_nothing_confirmed(place: Place) -> None:
    transport, queue = await desk(place)
    listener = await place.transport()
    confirmed: set[UUID] = set()
    handled: set[UUID] = set()
    losses, wanted = 0, sys.maxsize
    stop, enough = asyncio.Event(), asyncio.Event()

    async def publish() -> None:
        while not stop.is_set():
            batch = [place.message(f"item-{number}") for number in range(20)]
            while True:
                try:
                    confirmed.update((await transport.publish(batch)).confirmed)
                    if len(confirmed) >= wanted:
                        enough.set()
                    break
                except TransportDown:
                    await asyncio.sleep(0.1)
            await asyncio.sleep(0.02)

    async def consume() -> None:
        nonlocal losses
        while not (stop.is_set() and confirmed <= handled):
            try:
                async with listener.subscribe(queue) as subscription:
                    while not (stop.is_set() and confirmed <= handled):
                        batch = await subscription.receive(50, wait=0.2)
                        handled.update(ids(batch))
                        await subscription.ack(batch)
            except TransportDown:
                losses += 1
                await asyncio.sleep(0.1)

    async with asyncio.timeout(120):
        async with asyncio.TaskGroup() as work:
            work.create_task(publish())
            work.create_task(consume())
            await asyncio.sleep(0.5)
            before = len(confirmed)
            await place.break_down()
            wanted = len(confirmed) + 100
            await enough.wait()
            stop.set()

    assert before
    assert confirmed <= handled
    assert losses or place.name == "memory"
