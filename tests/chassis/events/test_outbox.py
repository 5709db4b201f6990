"""An event is written with what it tells of, sealed as CloudEvents 1.0 has it, and kept for 35 days."""

import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import orjson
import pytest

from chassis import outbox
from chassis.ids import uuid7
from chassis.leases import HOUSE_KEEPING, run_if_due
from chassis.outbox import Origin, keep_partitions, sealed
from contracts.events import Actor, Envelope
from support.harness import Harness
from support.telling import moved, noted, write
from support.tiny import ThingMoved

TODAY = date(2027, 3, 1)
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def envelope(**origin: Any) -> dict[str, Any]:
    where = Origin("tiny", 3, Actor("staff", "desk-7"), **origin)
    told: dict[str, Any] = orjson.loads(sealed(moved(uuid7(), "shelf", 9), around=where).envelope)
    return told


@pytest.mark.parametrize(
    "origin", [{}, {"traceparent": TRACEPARENT, "causationid": uuid7(), "correlationid": uuid7()}]
)
def test_an_envelope_is_a_cloudevent(origin: dict[str, Any]) -> None:
    """CloudEvents 1.0.2 §3: required attributes, names, types; JSON format §2 and §3."""
    told = envelope(**origin)

    assert told["specversion"] == "1.0"
    assert all(told[name] for name in ("id", "source", "type", "subject", "partitionkey"))
    assert all(re.fullmatch("[a-z0-9]{1,20}", name) for name in told)
    assert all(isinstance(told[name], str | int) for name in told if name != "data")
    assert all(-(2**31) <= value < 2**31 for value in told.values() if isinstance(value, int))
    assert told["datacontenttype"] == "application/json"
    assert urlsplit(told["dataschema"]).scheme, "dataschema is an absolute URI"
    moment = datetime.fromisoformat(told["time"])
    assert moment.tzinfo is not None
    assert isinstance(told["data"], dict)


def test_an_envelope_tells_who_where_and_in_which_order() -> None:
    told = envelope(traceparent=TRACEPARENT)

    assert (told["source"], told["epoch"], told["sequence"]) == ("tiny", 3, 9)
    assert told["actor"] == "staff:desk-7"
    assert told["traceparent"] == TRACEPARENT
    assert told["partitionkey"] == told["subject"] == told["data"]["thing_id"]
    assert "causationid" not in told


def test_what_is_sealed_opens_as_what_it_was() -> None:
    event = moved(uuid7(), "shelf")

    row = sealed(event, around=Origin("tiny", 1, Actor("system", "tiny")))

    opened = Envelope.model_validate_json(row.envelope)
    assert opened.id == row.id
    assert ThingMoved.model_validate(opened.data) == event


async def test_session_and_connection_write_in_their_own_transaction(tiny: Harness) -> None:
    token = outbox.origin.set(tiny.resources.origin(Actor("system", "test")))
    with suppress(ZeroDivisionError):
        async with tiny.resources.sessions.begin() as session:
            await outbox.publish(session, moved(uuid7(), "a"))
            raise ZeroDivisionError
    with suppress(ZeroDivisionError):
        async with tiny.resources.pool.acquire() as connection, connection.transaction():
            await outbox.record(connection, [moved(uuid7(), "b")])
            raise ZeroDivisionError
    async with tiny.resources.sessions.begin() as session:
        await outbox.publish(session, moved(uuid7(), "c"), noted(uuid7()))
    async with tiny.resources.pool.acquire() as connection, connection.transaction():
        await outbox.record(connection, [])
        await outbox.record(connection, [moved(uuid7(), "d")])
    outbox.origin.reset(token)

    assert [event.place for event in await tiny.announced(ThingMoved)] == ["c", "d"]


async def test_events_of_a_restored_service_carry_its_new_epoch(tiny: Harness) -> None:
    await tiny.resources.pool.execute("UPDATE outbox_state SET epoch = epoch + 1")
    tiny.resources.epoch = await outbox.read_epoch(tiny.resources.pool)

    await tiny.post("/v1/things", json={"name": "a"})

    assert [told.epoch for told in await tiny.envelopes()] == [2]


async def days(connection: asyncpg.Connection | asyncpg.Pool) -> list[str]:
    rows = await connection.fetch(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
        "WHERE i.inhparent = 'outbox'::regclass AND c.relname <> 'outbox_default' ORDER BY 1"
    )
    return [row["relname"].removeprefix("outbox_") for row in rows]


async def event_on(connection: asyncpg.Connection, day: date, *, published: bool) -> None:
    await connection.execute(
        "INSERT INTO outbox (written_on, id, type, key, envelope, published_at, position) "
        "VALUES ($1, $2, 'tiny.thing-noted.v1', 'k', '{}', $3, $4)",
        day,
        uuid7(),
        datetime.now(UTC) if published else None,
        1 if published else None,
    )


@pytest.fixture
async def connection(tiny_dsn: str) -> asyncpg.Connection:
    """To a migrated database that no timer has seen."""
    return await asyncpg.connect(tiny_dsn)


async def test_days_ahead_are_made_and_days_past_keeping_dropped(connection: asyncpg.Connection) -> None:
    for day in (TODAY - timedelta(days=36), TODAY - timedelta(days=35)):
        await keep_partitions(connection, today=day)
        await event_on(connection, day, published=True)

    dropped = await keep_partitions(connection, today=TODAY)
    again = await keep_partitions(connection, today=TODAY)

    assert (dropped, again) == (["outbox_20270124"], [])
    assert await days(connection) == [
        "20270125",  # 35 days ago: the last that is kept
        "20270126",
        "20270127",
        "20270128",
        "20270301",
        "20270302",
        "20270303",
        "20270304",
    ]
    assert await connection.fetchval("SELECT count(*) FROM outbox") == 1
    await connection.close()


async def test_a_day_with_events_still_to_be_sent_is_kept_however_old(connection: asyncpg.Connection) -> None:
    old = TODAY - timedelta(days=100)
    await keep_partitions(connection, today=old)
    await event_on(connection, old, published=False)

    dropped = await keep_partitions(connection, today=TODAY)

    assert f"outbox_{old:%Y%m%d}" not in dropped
    assert await connection.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL") == 1
    await connection.close()


async def test_events_are_taken_when_the_timer_was_away_for_days(connection: asyncpg.Connection) -> None:
    await keep_partitions(connection, today=TODAY)
    late = TODAY + timedelta(days=30)
    await event_on(connection, late, published=False)

    await keep_partitions(connection, today=late)

    assert await connection.fetchval("SELECT count(*) FROM outbox_default") == 1
    assert f"{late:%Y%m%d}" not in await days(connection)
    assert f"{late + timedelta(days=1):%Y%m%d}" in await days(connection)
    await connection.execute("UPDATE outbox SET published_at = now()")
    await keep_partitions(connection, today=late + timedelta(days=36))
    assert await connection.fetchval("SELECT count(*) FROM outbox") == 0
    await connection.close()


async def test_a_long_reader_keeps_the_days_and_nobody_waits_behind_it(
    connection: asyncpg.Connection, tiny_dsn: str
) -> None:
    """Dropping a day locks all of the outbox: it gives up at once, and comes again within the hour."""
    await keep_partitions(connection, today=TODAY - timedelta(days=36))
    reader = await asyncpg.connect(tiny_dsn)
    async with reader.transaction():
        await reader.fetch("SELECT * FROM outbox")
        await connection.execute("SET lock_timeout = '30s'")

        dropped = await keep_partitions(connection, today=TODAY)

        assert dropped == []
    assert "outbox_20270124" in await keep_partitions(connection, today=TODAY)
    await reader.close()
    await connection.close()


async def test_the_house_is_kept_in_order(tiny: Harness) -> None:
    """Memories of events outlive the replay of 35 days; kept answers two days."""
    now = datetime.now(UTC)
    pool = tiny.resources.pool
    for age in (37, 35):
        await pool.execute("INSERT INTO inbox VALUES ($1, $2)", uuid7(), now - timedelta(days=age))
    for age in (3, 1):
        await pool.execute(
            "INSERT INTO idempotency (principal, key, fingerprint, created_at) VALUES ('p', $1, '', $2)",
            f"{age}",
            now - timedelta(days=age),
        )

    assert await run_if_due(tiny.resources, HOUSE_KEEPING)

    assert await pool.fetchval("SELECT count(*) FROM inbox") == 1
    assert await pool.fetchval("SELECT string_agg(key, ',') FROM idempotency") == "1"
    assert f"{now:%Y%m%d}" in await days(pool)


async def test_an_event_lands_in_the_partition_of_its_day(tiny: Harness) -> None:
    await write(tiny, moved(UUID(int=1), "x"))

    found = await tiny.resources.pool.fetchval("SELECT tableoid::regclass::text FROM outbox")
    assert found == f"outbox_{datetime.now(UTC):%Y%m%d}"
