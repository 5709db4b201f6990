"""What a service point offers, as the configuration has it."""

from typing import Annotated

from pydantic import Field

from circulation.appointments.rules import Plan
from circulation.places.entries import Strict


class AppointmentsDoc(Strict):
    """Appointments to pick up what is ready, in slots within the service point's opening hours."""

    slot_minutes: Annotated[int, Field(ge=5, le=480)] = 15
    capacity: Annotated[int, Field(ge=1, le=1000)] = 1
    """Patrons for whom there is room in one slot."""
    days_ahead: Annotated[int, Field(ge=0, le=90)] = 7
    """Days from today on whose slots can be booked; 0: today's."""
    notice_minutes: Annotated[int, Field(ge=0, le=10_080)] = 60
    """How long before a slot begins patrons book it; staff may do so later."""
    late_minutes: Annotated[int, Field(ge=0, le=1440)] = 60
    """How long after its end a slot counts as missed unless the patron has come."""

    def as_rule(self) -> Plan:
        """As rules put it."""
        return Plan(self.slot_minutes, self.capacity, self.days_ahead, self.notice_minutes, self.late_minutes)
