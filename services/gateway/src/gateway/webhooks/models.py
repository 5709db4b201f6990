"""Webhooks on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chassis.moments import Moment

Words = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Some = Annotated[list[Words], Field(min_length=1, max_length=200)]
Types = Annotated[list[Words], Field(min_length=1, max_length=200)]
Url = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Concurrency = Annotated[int, Field(ge=1, le=8)]


class WebhookIn(BaseModel):
    """A new subscription."""

    model_config = ConfigDict(extra="forbid")

    url: Url
    """Where deliveries are posted: https, port 443 or 8443, a public name."""
    types: Types
    """Event types, as `GET /v1/webhook-event-types` lists them."""
    description: str = Field(default="", max_length=500)
    libraries: Some | None = None
    """Only events that name one of these libraries, by code."""
    locations: Some | None = None
    """Only events that name one of these locations, by code or id."""
    keys: Some | None = None
    """Only events with one of these as subject or ordering key."""
    payload: Literal["thin", "full"] = "thin"
    """thin: ids alone; full: the event's whole data, under a data agreement."""
    data_agreement: str | None = Field(default=None, max_length=500)
    signature: Literal["v1", "v1a"] = "v1"
    """v1: HMAC-SHA256 with a shared secret; v1a: Ed25519, the receiver keeps no secret."""
    concurrency: Concurrency = 8
    """Deliveries under way at once; those of one key go one after another in any case."""


class WebhookChange(BaseModel):
    """What is to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    url: Url | None = None
    types: Types | None = None
    description: str | None = Field(default=None, max_length=500)
    libraries: Some | None = None
    locations: Some | None = None
    keys: Some | None = None
    payload: Literal["thin", "full"] | None = None
    data_agreement: str | None = Field(default=None, max_length=500)
    concurrency: Concurrency | None = None


NULLABLE = frozenset({"libraries", "locations", "keys", "data_agreement"})
"""What null takes away; of the others, null means: as it is."""


class SecretOut(BaseModel):
    """What signs, without the secret itself."""

    id: UUID
    kind: str
    public_key: str | None = None
    """Of v1a: what signatures are checked with."""
    created_at: datetime
    expires_at: datetime | None


class NewSecretOut(SecretOut):
    """With the secret, this once; none of v1a, where the receiver needs the public key alone."""

    secret: str | None = None


class WebhookOut(BaseModel):
    """A subscription."""

    id: UUID
    owner: str
    description: str
    url: str
    types: list[str]
    libraries: list[str] | None
    locations: list[str] | None
    keys: list[str] | None
    payload: str
    data_agreement: str | None
    signature: str
    concurrency: int
    state: Literal["unverified", "active", "paused", "disabled"]
    reason: str | None
    """Why it is disabled (failing, gone, owner-gone, scope-lost, library-lost), or `verification-failed`."""
    created_at: datetime
    verified_at: datetime | None
    failing_since: datetime | None
    """Since when nothing but failures."""
    rests_until: datetime | None
    """After failures in a row: until when nothing is tried."""
    version: int


class WebhookStateOut(WebhookOut):
    """A subscription, and how far it is."""

    secrets: list[SecretOut]
    waiting: int
    """Deliveries still to be made, counted up to 10 000."""
    catching_up: list[str]
    """Services whose kept events it is still being told, before it hears new ones."""


class NewWebhookOut(WebhookOut):
    """With its secret, this once."""

    secrets: list[NewSecretOut]


class TurnIn(BaseModel):
    """How long the secret before it signs along."""

    model_config = ConfigDict(extra="forbid")

    overlap_hours: int = Field(default=24, ge=0, le=168)


class ReplayIn(BaseModel):
    """Where to go back to: a moment, or a cursor of the change feed."""

    model_config = ConfigDict(extra="forbid")

    since: Moment | None = None
    """Whatever was published from then on; 35 days are kept."""
    after: str | None = Field(default=None, min_length=1, max_length=500)
    """A cursor of `GET /v1/changes`."""


class ActivationIn(ReplayIn):
    """Where to go on: where it stopped, with what comes from now on, or somewhere named."""

    start: Literal["resume", "skip", "replay"] = "resume"


class TryOut(BaseModel):
    """One try."""

    number: int
    at: datetime
    took_ms: int
    status: int | None
    error: str | None
    """timeout, connect-failed, tls-failed, address-refused, answer-broken, not-echoed, fault."""
    answer: str | None
    """Its first kilobyte."""


class DeliveryOut(BaseModel):
    """A delivery, and how its last try went."""

    id: UUID
    webhook_id: UUID
    kind: Literal["event", "verification", "test"]
    message_id: str
    """The header `webhook-id`."""
    type: str
    state: Literal["pending", "delivered", "failed", "skipped"]
    created_at: datetime
    due_at: datetime | None
    """When it is tried next; none behind another of its key, or at its end."""
    ended_at: datetime | None
    tries: int
    last_tried_at: datetime | None
    last_status: int | None
    last_error: str | None


class DeliveryWithTriesOut(DeliveryOut):
    """A delivery with what is sent and what came of each try, the last one first."""

    body: Any
    history: list[TryOut]


class EventTypeOut(BaseModel):
    """An event that can be subscribed to."""

    type: str
    description: str
    scope: str
    """What reads it; `changes:read` reads every event."""
    granted: bool
    """Whether you may subscribe to it."""
    filters: list[Literal["libraries", "locations", "keys"]]
    """What it can be filtered by."""


class EventTypesOut(BaseModel):
    """All of them."""

    items: list[EventTypeOut]
