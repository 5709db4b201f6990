"""Prometheus metrics. Each process has one registry; a service's own are labelled with its name."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY = CollectorRegistry()

REQUESTS = Histogram(
    "carrel_request_seconds",
    "Requests by service, method, route and status",
    ["service", "method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
    registry=REGISTRY,
)
PUBLISHED = Counter(
    "carrel_events_published", "Events carried from the outbox", ["service"], registry=REGISTRY
)
HANDLED = Counter("carrel_events_handled", "Events handled", ["service", "outcome"], registry=REGISTRY)
OUTBOX_WAITING = Gauge("carrel_outbox_waiting", "Events not yet published", ["service"], registry=REGISTRY)
OUTBOX_AGE = Gauge(
    "carrel_outbox_age_seconds", "Age of the oldest unpublished event", ["service"], registry=REGISTRY
)
DEAD_LETTERS = Gauge("carrel_dead_letters", "Messages set aside", ["service"], registry=REGISTRY)
DISCREPANCIES = Counter(
    "carrel_discrepancies",
    "What was kept otherwise than it counted up to",
    ["service", "kind"],
    registry=REGISTRY,
)
TIMERS = Counter("carrel_timer_runs", "Timer runs", ["service", "timer", "outcome"], registry=REGISTRY)


def exposition() -> bytes:
    """The text that Prometheus scrapes."""
    return generate_latest(REGISTRY)
