"""What circulation tells of times at which readers fetch what they asked for."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from contracts.events import Event, Part


class PickupAppointmentFacts(Part):
    """An appointment as it stands after the event."""

    appointment_id: UUID
    patron_ref: UUID
    service_point_id: UUID
    starts_at: datetime
    ends_at: datetime
    state: str
    """booked, staged, arrived, delivered, cancelled or missed."""


class PickupAppointmentEvent(Event):
    """Common shape of what happens to an appointment."""

    subject: ClassVar = "appointment_id"

    appointment_id: UUID
    appointment: PickupAppointmentFacts


class PickupAppointmentBooked(PickupAppointmentEvent):
    """A patron will come for what is ready."""

    type: ClassVar = "circulation.pickup-appointment-booked.v1"


class PickupAppointmentMoved(PickupAppointmentEvent):
    """They will come at another time."""

    type: ClassVar = "circulation.pickup-appointment-moved.v1"


class PickupAppointmentStaged(PickupAppointmentEvent):
    """Everything has been put together for them."""

    type: ClassVar = "circulation.pickup-appointment-staged.v1"


class PickupAppointmentArrived(PickupAppointmentEvent):
    """They are there."""

    type: ClassVar = "circulation.pickup-appointment-arrived.v1"


class PickupAppointmentDelivered(PickupAppointmentEvent):
    """Everything was handed over."""

    type: ClassVar = "circulation.pickup-appointment-delivered.v1"


class PickupAppointmentCancelled(PickupAppointmentEvent):
    """They will not come."""

    type: ClassVar = "circulation.pickup-appointment-cancelled.v1"


class PickupAppointmentMissed(PickupAppointmentEvent):
    """They did not come."""

    type: ClassVar = "circulation.pickup-appointment-missed.v1"
