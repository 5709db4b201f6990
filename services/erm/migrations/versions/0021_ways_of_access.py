"""How readers get into a platform, by which addresses it knows the library, and how many may read at once."""

from chassis.migrations import script

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """What is told of a platform, too."""
    script("""
ALTER TABLE platform ADD COLUMN access_methods JSONB DEFAULT '[]' NOT NULL,
    ADD COLUMN ip_ranges TEXT[] DEFAULT '{}' NOT NULL, ADD COLUMN simultaneous_users INTEGER,
    ADD CONSTRAINT platform_simultaneous_users CHECK (simultaneous_users > 0);
""")
