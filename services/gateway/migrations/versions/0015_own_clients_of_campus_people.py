"""People who sign in by a campus make keys of their own, measured by what its rules gave them last."""

from chassis.migrations import script

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Keep with a person what the rules give them; an owner is an account or a person."""
    script("""
ALTER TABLE person ADD COLUMN door text;
ALTER TABLE person ADD COLUMN roles text[] NOT NULL DEFAULT '{}';
ALTER TABLE person ADD COLUMN libraries text[];
ALTER TABLE person ADD COLUMN judged_at timestamptz;
CREATE INDEX person_at_work ON person (door, entity_id) WHERE roles <> '{}';
ALTER TABLE client DROP CONSTRAINT client_owner_id_fkey;
""")
