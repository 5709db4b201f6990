"""Pickup appointments; holds that are delivered."""

from chassis.migrations import script

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """A new table; columns with a constant default or nullable; the previous release has everything picked up."""
    script("""
CREATE TABLE pickup_appointment (
    id UUID NOT NULL,
    service_point_id UUID NOT NULL,
    patron_id UUID NOT NULL,
    starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    missed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    place INTEGER NOT NULL,
    state TEXT NOT NULL,
    booked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    staged_at TIMESTAMP WITH TIME ZONE,
    arrived_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT pickup_appointment_place_counts CHECK (place > 0),
    CONSTRAINT pickup_appointment_runs_forwards CHECK (ends_at > starts_at),
    FOREIGN KEY(patron_id) REFERENCES patron (id)
);
CREATE UNIQUE INDEX pickup_appointment_one_in_place ON pickup_appointment (service_point_id, starts_at, place)
    WHERE state IN ('booked', 'staged', 'arrived');
CREATE UNIQUE INDEX pickup_appointment_one_open_per_patron ON pickup_appointment (patron_id, service_point_id)
    WHERE state IN ('booked', 'staged', 'arrived');
CREATE INDEX pickup_appointment_by_day ON pickup_appointment (service_point_id, starts_at, id);
CREATE INDEX pickup_appointment_by_patron ON pickup_appointment (patron_id, starts_at, id);
CREATE INDEX pickup_appointment_to_miss ON pickup_appointment (missed_at) WHERE state IN ('booked', 'staged');
ALTER TABLE hold ADD COLUMN fulfilment TEXT DEFAULT 'hold-shelf' NOT NULL, ADD COLUMN delivery_address_type TEXT;
ALTER TABLE hold ADD CONSTRAINT hold_delivered_somewhere
    CHECK ((fulfilment = 'delivery') = (delivery_address_type IS NOT NULL)) NOT VALID;
ALTER TABLE hold VALIDATE CONSTRAINT hold_delivered_somewhere;
""")
