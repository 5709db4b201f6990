"""One trace runs from the request through SQL and the event to whoever hears of it."""

from collections.abc import AsyncIterator, Iterator, Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from chassis import tracing
from chassis.consuming import Consumer
from chassis.ids import uuid7
from chassis.leases import run_if_due
from chassis.relay import Relay
from chassis.transport.memory import MemoryTransport
from support import tiny as smallest
from support.harness import Harness, running
from support.telling import TYPES, messages, moved
from support.tiny import TICKING, ThingEchoed

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
UNSAMPLED = f"00-{TRACE}-{PARENT}-00"
"""What a client sends that does not sample: the library's own traces are the library's business."""


class Recorded:
    """The spans so far."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()

    def __call__(self, trace: str | None = None) -> Sequence[ReadableSpan]:
        tracing.stop()
        return [span for span in self.exporter.get_finished_spans() if trace is None or ids(span)[0] == trace]


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    """Traces are on."""
    spans = Recorded()
    assert tracing.configure("tiny", exporter=spans.exporter)
    yield spans
    tracing.stop()


@pytest.fixture
async def traced(
    recorded: Recorded, tiny_dsn: str, bus: MemoryTransport, tiny_events: None
) -> AsyncIterator[Harness]:
    """The service, opened while traces are on."""
    async with running(smallest.SERVICE, tiny_dsn, transport=bus) as harness:
        await bus.declare("tiny", TYPES)
        yield harness


async def hear(harness: Harness, bus: MemoryTransport) -> None:
    async with bus.subscribe("tiny") as subscription:
        consumer = Consumer(harness.resources, harness.service.subscriptions)
        await consumer.deliver(subscription, await subscription.receive(100, wait=0))


def ids(span: ReadableSpan) -> tuple[str, str]:
    """Trace and span, in hexadecimal."""
    own = span.get_span_context()
    assert own is not None
    return f"{own.trace_id:032x}", f"{own.span_id:016x}"


def parent(span: ReadableSpan) -> str | None:
    return f"{span.parent.span_id:016x}" if span.parent else None


async def test_one_trace_runs_through_request_statement_event_and_consumer(
    traced: Harness, bus: MemoryTransport, recorded: Recorded
) -> None:
    await traced.post("/v1/things", json={"name": "a"}, headers={"traceparent": UNSAMPLED})
    await Relay(traced.resources.pool, bus, "tiny").carry()
    await hear(traced, bus)
    (envelope,) = await traced.envelopes()

    spans = recorded(TRACE)
    (request,) = (span for span in spans if span.kind is SpanKind.SERVER)
    (hearing,) = (span for span in spans if span.kind is SpanKind.CONSUMER)
    assert (request.name, parent(request)) == ("POST /v1/things", PARENT)
    assert request.attributes is not None
    assert request.attributes["http.response.status_code"] == 201
    assert envelope.traceparent == f"00-{TRACE}-{ids(request)[1]}-01"
    assert (hearing.name, parent(hearing)) == ("hear tiny.thing-moved.v1", ids(request)[1])
    statements = {
        owner.name: [
            span.name for span in spans if span.kind is SpanKind.CLIENT and parent(span) == ids(owner)[1]
        ]
        for owner in (request, hearing)
    }
    assert statements["POST /v1/things"] == [
        "INSERT",
        "INSERT",
        "INSERT",
        "UPDATE",
    ]  # key, thing, event, answer
    assert statements["hear tiny.thing-moved.v1"] == ["INSERT"]


async def test_the_busy_path_past_the_session_is_in_the_trace_too(
    traced: Harness, recorded: Recorded
) -> None:
    await traced.get("/v1/things/busy-path?name=a", headers={"traceparent": UNSAMPLED})

    statements = [span for span in recorded(TRACE) if span.kind is SpanKind.CLIENT]
    assert [dict(span.attributes or {})["db.query.text"] for span in statements] == [
        "SELECT $1::text || $2::bigint"
    ]


async def test_what_follows_from_an_event_carries_its_trace_on(
    traced: Harness, bus: MemoryTransport, recorded: Recorded
) -> None:
    message = messages(traced, [moved(uuid7(), "echo")])[0]
    body = message.body.replace(b'"actor"', f'"traceparent":"{UNSAMPLED}","actor"'.encode())
    await bus.publish([type(message)(message.id, message.type, message.key, body)])

    await hear(traced, bus)

    (echo,) = await traced.envelopes(ThingEchoed)
    assert echo.traceparent is not None
    assert echo.traceparent.startswith(f"00-{TRACE}-")
    assert echo.causationid == echo.correlationid == message.id


async def test_a_batch_of_several_traces_is_linked_to_each_and_belongs_to_none(
    traced: Harness, bus: MemoryTransport, recorded: Recorded
) -> None:
    for name in "ab":
        await traced.post("/v1/things", json={"name": name})
    await Relay(traced.resources.pool, bus, "tiny").carry()
    await hear(traced, bus)

    spans = recorded()
    (hearing,) = (span for span in spans if span.kind is SpanKind.CONSUMER)
    requests = {ids(span)[0] for span in spans if span.kind is SpanKind.SERVER}
    assert len(requests) == 2
    assert {f"{link.context.trace_id:032x}" for link in hearing.links} == requests
    assert ids(hearing)[0] not in requests


async def test_a_fault_marks_its_span_and_tells_only_its_kind(traced: Harness, recorded: Recorded) -> None:
    await traced.get("/v1/things/broken", headers={"traceparent": UNSAMPLED})
    await traced.resources.pool.execute("ALTER TABLE thing ADD CONSTRAINT one_name UNIQUE (name)")
    for _ in range(2):
        await traced.post("/v1/things", json={"name": "Araminta Quill"})

    spans = recorded()
    broken = next(span for span in spans if span.name == "GET /v1/things/broken")
    refused = [
        span for span in spans if dict(span.attributes or {}).get("error.type") == "UniqueViolationError"
    ]
    assert not broken.status.is_ok
    assert dict(broken.attributes or {})["error.type"] == "500"
    assert [span.kind for span in refused] == [SpanKind.CLIENT]
    told = "".join(span.to_json() for span in spans)
    assert "Araminta" not in told
    assert "a secret in a message" not in told


async def test_a_timer_begins_a_trace_of_its_own(traced: Harness, recorded: Recorded) -> None:
    await run_if_due(traced.resources, TICKING)

    (timer,) = (span for span in recorded() if span.name == "timer ticking")
    assert timer.parent is None


async def test_nothing_is_recorded_without_anywhere_to_send_it(tiny: Harness) -> None:
    assert not tracing.configure("tiny")
    assert not tracing.on()

    await tiny.post("/v1/things", json={"name": "a"}, headers={"traceparent": UNSAMPLED})

    (envelope,) = await tiny.envelopes()
    assert envelope.traceparent == UNSAMPLED
