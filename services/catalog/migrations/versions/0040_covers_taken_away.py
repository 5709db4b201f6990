"""Covers that were taken away, by the version behind which the next one begins."""

from chassis.migrations import script

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    """Additive."""
    script(
        "CREATE TABLE cover_gone (title_id uuid PRIMARY KEY REFERENCES title (id), version bigint NOT NULL);"
    )
