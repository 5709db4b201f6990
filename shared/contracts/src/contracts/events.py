"""The envelope (CloudEvents 1.0, structured JSON) and the registry of event classes.

Every event tells a past fact in library words. Attributes follow the CloudEvents 1.0 specification;
`partitionkey` and `sequence` are its documented extensions, `epoch`, `actor`, `causationid` and
`correlationid` are ours (`sequence` as a number). No patron names, card numbers or addresses: a patron is an
opaque reference.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict

SPEC_VERSION = "1.0"
CONTENT_TYPE = "application/cloudevents+json"

_registry: dict[str, type["Event"]] = {}


class UnknownEventType(LookupError):
    """An event of a type this release has never heard of."""


class Part(BaseModel):
    """A piece of an event's data. Unknown fields are ignored, so that an event may grow."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Event(Part):
    """A fact of the past. Subclasses name their type, their aggregate and who relies on hearing it."""

    type: ClassVar[str]
    """Context, kebab-case name and major version: `circulation.loan-created.v1`."""
    subject: ClassVar[str]
    """The field that holds the aggregate's id."""
    partition: ClassVar[str] = ""
    """The field that holds the ordering key; the subject's where empty."""
    listeners: ClassVar[frozenset[str]] = frozenset()
    """Services that rely on this event: while no queue is bound to it, the relay keeps it and says so."""

    version: int
    """The aggregate's version after this fact; becomes the envelope's gap-free `sequence`."""
    occurred_at: datetime

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "type" in cls.__dict__:
            _registry[cls.type] = cls

    @property
    def subject_id(self) -> str:
        """The aggregate's id as text."""
        return str(getattr(self, self.subject))

    @property
    def partition_key(self) -> str:
        """Events with one key are carried in the order in which they were written."""
        return str(getattr(self, self.partition or self.subject))


def event_types() -> Iterator[type[Event]]:
    """Every event class known, by type name."""
    for name in sorted(_registry):
        yield _registry[name]


def event_type(name: str) -> type[Event]:
    """The class of a type name; `UnknownEventType` when there is none."""
    try:
        return _registry[name]
    except KeyError:
        raise UnknownEventType(name) from None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who caused an event: a kind (patron, staff, client, system) and an opaque reference."""

    kind: str
    ref: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.ref}"


class Envelope(BaseModel):
    """One event on the wire."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: str = SPEC_VERSION
    id: UUID
    source: str
    type: str
    subject: str
    time: datetime
    datacontenttype: str = "application/json"
    dataschema: str
    partitionkey: str
    sequence: int
    epoch: int
    actor: str
    traceparent: str | None = None
    causationid: UUID | None = None
    correlationid: UUID | None = None
    data: dict[str, Any]

    @classmethod
    def around(
        cls,
        event: Event,
        *,
        id: UUID,  # noqa: A002 - the CloudEvents attribute is called so
        source: str,
        epoch: int,
        actor: Actor,
        traceparent: str | None = None,
        causationid: UUID | None = None,
        correlationid: UUID | None = None,
    ) -> Self:
        """Put an event into its envelope."""
        return cls(
            id=id,
            source=source,
            type=event.type,
            subject=event.subject_id,
            time=event.occurred_at,
            dataschema=schema_uri(event.type),
            partitionkey=event.partition_key,
            sequence=event.version,
            epoch=epoch,
            actor=str(actor),
            traceparent=traceparent,
            causationid=causationid,
            correlationid=correlationid,
            data=event.model_dump(mode="json"),
        )

    def opened(self) -> Event:
        """The event inside; `UnknownEventType` or pydantic's `ValidationError` when it cannot be read."""
        return event_type(self.type).model_validate(self.data)


def schema_uri(type_name: str) -> str:
    """What identifies the JSON Schema of an event type: CloudEvents 1.0 wants an absolute URI for `dataschema`."""
    return f"urn:carrel:schema:{type_name}"


def schema_path(type_name: str) -> str:
    """Where that schema is to be had, at the gateway."""
    return f"/schemas/events/{type_name}.json"
