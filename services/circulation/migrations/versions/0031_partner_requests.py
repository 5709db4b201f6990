"""What was done for requests of other libraries."""

from chassis.migrations import script

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    """A new table, which the previous release never looks at."""
    script("""
CREATE TABLE partner_request (
    request_id UUID NOT NULL,
    asked BIGINT NOT NULL,
    hold_id UUID,
    PRIMARY KEY (request_id)
);
""")
