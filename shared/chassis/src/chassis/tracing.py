"""OpenTelemetry traces, through HTTP, SQL and events, when an OTLP endpoint is set; otherwise nothing runs.

The traceparent (W3C Trace Context) travels either way: in the request, in every event, in every log line.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import context, propagate, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

tracer = trace.get_tracer("carrel")
_on = False


def configure(service: str, endpoint: str | None = None, exporter: SpanExporter | None = None) -> bool:
    """Start recording spans; whether there is anywhere to send them."""
    global _on
    if exporter is None and endpoint:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    if exporter is None:
        return False
    provider = TracerProvider(resource=Resource.create({"service.name": f"carrel-{service}"}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    _on = True
    return True


@contextmanager
def span(name: str, traceparent: str | None, **attributes: str | int) -> Iterator[str | None]:
    """A span under the given parent; yields the traceparent for what is done inside."""
    if not _on:
        yield traceparent
        return
    parent = propagate.extract({"traceparent": traceparent} if traceparent else {})
    token = context.attach(parent)
    try:
        with tracer.start_as_current_span(name, attributes=attributes):
            carrier: dict[str, str] = {}
            propagate.inject(carrier)
            yield carrier.get("traceparent", traceparent)
    finally:
        context.detach(token)
