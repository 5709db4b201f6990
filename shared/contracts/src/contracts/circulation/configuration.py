"""What circulation tells of its rules and calendars."""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from contracts.events import Event


class RulesActivated(Event):
    """A version of the configuration came into force: policies, rules, calendars, groups."""

    type: ClassVar = "circulation.rules-activated.v1"
    subject: ClassVar = "configuration"

    configuration: Annotated[str, Field(min_length=1)] = "circulation"
    rules_version: int
    how: str
    """applied, scheduled, rolled-back or closing."""
    sections: tuple[str, ...]
    """What of it differs from the version before."""


class CalendarChanged(Event):
    """A service point's opening hours changed; its document has them."""

    type: ClassVar = "circulation.calendar-changed.v1"
    subject: ClassVar = "service_point_id"

    service_point_id: UUID
    code: str
    zone: str
