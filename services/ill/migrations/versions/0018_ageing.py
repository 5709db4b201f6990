"""Until when: a supplier's time to respond by service level, and when a request without a day has grown too old."""

from chassis.migrations import script

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Additive. Requests that the release before has placed run out once the library's times are set anew."""
    script("""
ALTER TABLE partner ADD COLUMN respond_levels JSONB DEFAULT '{}' NOT NULL;
ALTER TABLE request ADD COLUMN expires_at TIMESTAMP WITH TIME ZONE;
""")
