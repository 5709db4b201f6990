"""Items and holdings stand elsewhere for a time, have other call numbers, and remember what they were."""

from chassis.migrations import script

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    """Additive."""
    script("""
ALTER TABLE item ADD COLUMN permanent_location_id UUID, ADD COLUMN temporary_location_id UUID,
    ADD COLUMN temporary_loan_type TEXT, ADD COLUMN other_call_numbers JSONB DEFAULT '[]' NOT NULL;
ALTER TABLE item ADD CONSTRAINT item_stands_where_it_is_put
    CHECK (temporary_location_id IS NULL OR location_id = temporary_location_id) NOT VALID;
ALTER TABLE item VALIDATE CONSTRAINT item_stands_where_it_is_put;
ALTER TABLE holdings ADD COLUMN temporary_location_id UUID,
    ADD COLUMN other_call_numbers JSONB DEFAULT '[]' NOT NULL;
CREATE TABLE item_step (
    item_id UUID NOT NULL,
    version BIGINT NOT NULL,
    changes JSONB DEFAULT '{}' NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    by TEXT NOT NULL,
    PRIMARY KEY (item_id, version)
);
CREATE TABLE holdings_step (
    holdings_id UUID NOT NULL,
    version BIGINT NOT NULL,
    changes JSONB DEFAULT '{}' NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    by TEXT NOT NULL,
    PRIMARY KEY (holdings_id, version)
);
""")
