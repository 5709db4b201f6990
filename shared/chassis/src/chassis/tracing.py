"""OpenTelemetry traces, through HTTP, SQL and events, when an OTLP endpoint is set; otherwise nothing runs.

The traceparent (W3C Trace Context) travels either way: in the request, in every event, in every log line. Spans
tell routes and statements, never addresses, parameters or bodies. Whether a stranger wishes to be sampled is not
asked: every trace is recorded, unless the operator sets OTEL_TRACES_SAMPLER.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from asyncpg import Connection
from opentelemetry import context, trace
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.event import listens_for
from sqlalchemy.ext.asyncio import AsyncEngine

if TYPE_CHECKING:  # what records is read where there is anywhere to send it
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

_w3c = TraceContextTextMapPropagator()
_provider: "TracerProvider | None" = None
_tracer: trace.Tracer | None = None


def configure(service: str, endpoint: str | None = None, exporter: "SpanExporter | None" = None) -> bool:
    """Start recording spans; whether there is anywhere to send them."""
    global _provider, _tracer
    if exporter is None and endpoint:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    if exporter is None:
        return False
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    _provider = TracerProvider(
        sampler=None if "OTEL_TRACES_SAMPLER" in os.environ else ALWAYS_ON,
        resource=Resource.create({"service.name": f"carrel-{service}"}),
    )
    _provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracer = _provider.get_tracer("carrel")
    return True


def stop() -> None:
    """Send what was recorded, and record no more."""
    global _provider, _tracer
    provider, _provider, _tracer = _provider, None, None
    if provider is not None:
        provider.shutdown()


def on() -> bool:
    """Whether spans are recorded."""
    return _tracer is not None


@contextmanager
def span(
    name: str,
    traceparent: str | None,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    links: Sequence[str | None] = (),
    **attributes: str | int,
) -> Iterator[tuple[str | None, Span | None]]:
    """A span under the given parent, linked to other traces; yields the traceparent for what is done inside."""
    if _tracer is None:
        yield traceparent, None
        return
    parent = _remote(traceparent)
    begun = _tracer.start_span(
        name,
        trace.set_span_in_context(NonRecordingSpan(parent)) if parent else context.Context(),
        kind=kind,
        attributes={key.replace("__", "."): value for key, value in attributes.items()},
        links=[Link(linked) for told in links if (linked := _remote(told))],
    )
    try:
        # An exception's message may quote what was sent: only its kind is told.
        with trace.use_span(begun, record_exception=False, set_status_on_exception=False):
            yield _w3c_of(begun), begun
    except BaseException as error:
        failed(begun, type(error).__name__)
        raise
    finally:
        begun.end()


def failed(begun: Span, why: str) -> None:
    """Mark a span as failed."""
    begun.set_attribute("error.type", why)
    begun.set_status(Status(StatusCode.ERROR))


def watch_connection(connection: Connection) -> None:
    """A span for each statement: asyncpg tells of it afterwards, in the context that ran it."""
    connection.add_query_logger(
        lambda query: _ran(str(query.query), int(query.elapsed * 1e9), query.exception)
    )


def watch_engine(engine: AsyncEngine) -> None:
    """The same for SQLAlchemy, whose prepared statements asyncpg tells nobody of."""

    @listens_for(engine.sync_engine, "before_cursor_execute")
    def begins(conn: Any, cursor: Any, sql: str, parameters: Any, context: Any, many: bool) -> None:
        conn.info["began"] = time.perf_counter_ns()

    @listens_for(engine.sync_engine, "after_cursor_execute")
    def ends(conn: Any, cursor: Any, sql: str, parameters: Any, context: Any, many: bool) -> None:
        _ran(sql, time.perf_counter_ns() - conn.info.pop("began"), None)

    @listens_for(engine.sync_engine, "handle_error")
    def fails(told: ExceptionContext) -> None:
        began = told.connection.info.pop("began", None) if told.connection is not None else None
        if began is not None:
            cause = told.original_exception.__cause__ or told.original_exception
            _ran(str(told.statement), time.perf_counter_ns() - began, cause)


def _ran(sql: str, nanoseconds: int, error: BaseException | None) -> None:
    """Only what belongs to a trace: the relay looks twenty times a second for nobody in particular."""
    if _tracer is None or not trace.get_current_span().get_span_context().is_valid:
        return
    ended = time.time_ns()
    begun = _tracer.start_span(
        sql.split(maxsplit=1)[0].upper() if sql.strip() else "SQL",
        kind=SpanKind.CLIENT,
        start_time=ended - nanoseconds,
        attributes={"db.system.name": "postgresql", "db.query.text": sql},
    )
    if error is not None:
        failed(begun, type(error).__name__)
    begun.end(ended)


def _remote(traceparent: str | None) -> SpanContext | None:
    if traceparent is None:
        return None
    found = trace.get_current_span(_w3c.extract({"traceparent": traceparent})).get_span_context()
    return found if found.is_valid else None


def _w3c_of(begun: Span) -> str:
    told: dict[str, str] = {}
    _w3c.inject(told, trace.set_span_in_context(begun))
    return told["traceparent"]
