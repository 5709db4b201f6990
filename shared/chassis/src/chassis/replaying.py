"""Sending kept events again, to one consumer: after a fault there, or to build a new projection."""

from collections.abc import Sequence

from chassis.problems import Invalid, Reason
from chassis.resources import Resources
from chassis.transport import Message, TransportDown

SLICE = 500


class NoSuchQueue(Invalid):
    """The consumer that is to hear the events again is not known to the broker."""

    code, title = "queue-unknown", "There is no such queue."


async def replay(
    here: Resources, *, queue: str, after: int, types: Sequence[str] | None, limit: int
) -> tuple[int, int]:
    """Events after a position to one queue, marked as replayed; how many went and the last position."""
    sent, position = 0, after
    while sent < limit:
        rows = await here.pool.fetch(
            "SELECT position, id, type, key, envelope FROM outbox "
            "WHERE position > $1 AND ($2::text[] IS NULL OR type = ANY($2)) ORDER BY position LIMIT $3",
            position,
            types,
            min(SLICE, limit - sent),
        )
        if not rows:
            break
        messages = [
            Message(row["id"], row["type"], row["key"], row["envelope"].encode(), mandatory=True, replay=True)
            for row in rows
        ]
        told = await here.transport.publish(messages, only_to=queue)
        if told.unroutable:
            raise NoSuchQueue(
                reasons=[
                    Reason(
                        "queue-unknown",
                        f"No service has declared a queue {queue}.",
                        "/queue",
                        "Name a consuming service, and start its consumer once before.",
                    )
                ]
            )
        if len(told.confirmed) < len(messages):
            raise TransportDown(f"queue {queue} did not take all events")
        sent, position = sent + len(rows), rows[-1]["position"]
    return sent, position
