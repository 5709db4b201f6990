"""What our licences say of supplying, where readers have it themselves, and OpenURLs as they were asked."""

from chassis.migrations import script

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Additive."""
    script("""
CREATE TABLE known_licence (
    licence_id UUID NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    starts_on DATE,
    ends_on DATE,
    terms JSONB NOT NULL,
    epoch INTEGER DEFAULT '1' NOT NULL,
    version BIGINT DEFAULT '0' NOT NULL,
    PRIMARY KEY (licence_id)
);
ALTER TABLE request ADD COLUMN openurl TEXT, ADD COLUMN access JSONB DEFAULT '{}' NOT NULL;
""")
