"""Works refer to titles and to each other unchecked: three checks for a new title cost more than its rows."""

from chassis.migrations import script

revision = "0044"
down_revision = "0043"


def upgrade() -> None:
    """No work and no title is ever removed, so the previous release misses nothing."""
    script("""
ALTER TABLE work_title DROP CONSTRAINT work_title_title_id_fkey, DROP CONSTRAINT work_title_work_id_fkey;
ALTER TABLE work_key DROP CONSTRAINT work_key_work_id_fkey;
""")
