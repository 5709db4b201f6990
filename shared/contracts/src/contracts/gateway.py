"""What the gateway tells: subscriptions whose receivers do not take what is sent."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from contracts.events import Event


class WebhookFailing(Event):
    """A subscription's receiver has taken nothing for a day, or for three."""

    type: ClassVar = "gateway.webhook-failing.v1"
    subject: ClassVar = "webhook_id"

    webhook_id: UUID
    owner: str
    """Kind and opaque reference, as in an event's `actor`."""
    failing_since: datetime
    disabled_at: datetime
    """When it will be disabled, if nothing is taken until then."""


class WebhookDisabled(Event):
    """Nothing is sent to a subscription any more, until its owner enables it again."""

    type: ClassVar = "gateway.webhook-disabled.v1"
    subject: ClassVar = "webhook_id"

    webhook_id: UUID
    owner: str
    reason: str
    """failing (five days of nothing but failures), gone (the receiver said 410), owner-gone, scope-lost or
    library-lost."""
    failing_since: datetime | None = None
