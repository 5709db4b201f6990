"""An operator's probes are told the truth, at once."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from chassis import administration
from chassis.ids import uuid7
from chassis.relay import Relay
from chassis.transport import TransportDown
from chassis.transport.memory import MemoryTransport
from support import tiny as smallest
from support.harness import Harness, running
from support.telling import TYPES, moved, write


async def test_a_service_with_its_database_is_ready(tiny: Harness) -> None:
    with tiny.asking(None):
        live, ready = await tiny.get("/health/live"), await tiny.get("/health/ready")

    assert (live.status_code, live.json()) == (200, {"status": "live"})
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "service": "tiny"})


async def test_a_service_without_its_database_is_alive_and_not_ready(tiny: Harness) -> None:
    await tiny.resources.pool.close()

    live, ready = await tiny.get("/health/live"), await tiny.get("/health/ready")

    assert (live.status_code, ready.status_code) == (200, 503)
    assert ready.json()["code"] == "unavailable"


async def test_a_service_whose_connections_are_all_stuck_is_not_ready(
    tiny: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(administration, "READY_SECONDS", 0.2)
    pool = tiny.resources.pool
    held = [await pool.acquire() for _ in range(pool.get_max_size())]

    async with asyncio.timeout(10):
        ready = await tiny.get("/health/ready")
    for connection in held:
        await pool.release(connection)

    assert ready.status_code == 503
    assert (await tiny.get("/health/ready")).status_code == 200


class Gone(MemoryTransport):
    """No broker."""

    async def open(self) -> None:
        raise TransportDown("nobody answers")


@pytest.fixture
async def brokerless(tiny_dsn: str, tiny_events: None) -> AsyncIterator[Harness]:
    """The service while its broker is away."""
    async with running(smallest.SERVICE, tiny_dsn, transport=Gone()) as harness:
        yield harness


async def test_a_lost_broker_holds_nothing_up(brokerless: Harness) -> None:
    assert (await brokerless.get("/health/ready")).status_code == 200
    assert (await brokerless.post("/v1/things", json={"name": "a"})).status_code == 201


async def test_metrics_are_prometheus_own_text(tiny: Harness, bus: MemoryTransport) -> None:
    await bus.declare("tiny", TYPES)
    await tiny.get("/v1/things?limit=0")
    await write(tiny, moved(uuid7(), "x"))
    await Relay(tiny.resources.pool, bus, "tiny").carry()

    answer = await tiny.get("/metrics")

    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    found = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert {family.type for family in found.values()} <= {"histogram", "counter", "gauge"}
    asked = [
        sample.labels
        for sample in found["carrel_request_seconds"].samples
        if sample.name.endswith("_count") and sample.labels["service"] == "tiny"
    ]
    assert {"service": "tiny", "method": "GET", "route": "/v1/things", "status": "422"} in asked
    published = found["carrel_events_published"].samples
    assert any(sample.labels == {"service": "tiny"} and sample.value >= 1 for sample in published)
    assert found["carrel_outbox_waiting"].documentation
