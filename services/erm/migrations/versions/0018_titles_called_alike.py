"""Titles that are called alike are found by what their names have in common."""

from chassis.migrations import script

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Names without subtitle, edition and article, from both ends; what is known is named by a timer."""
    script("""
ALTER TABLE title_instance ADD COLUMN core_name TEXT COLLATE "C";
CREATE INDEX title_instance_alike ON title_instance (kind, core_name, id)
    WHERE core_name IS NOT NULL AND medium = 'electronic' AND merged_into IS NULL;
CREATE INDEX title_instance_alike_from_behind ON title_instance (kind, reverse(core_name), id)
    WHERE reverse(core_name) IS NOT NULL AND medium = 'electronic' AND merged_into IS NULL;
CREATE INDEX title_instance_unnamed ON title_instance (id) WHERE core_name IS NULL;
ALTER TABLE kbart_row ADD COLUMN core_name TEXT COLLATE "C";
ALTER TABLE title_review ADD COLUMN score INTEGER, ADD COLUMN why TEXT[] DEFAULT '{}' NOT NULL,
    DROP CONSTRAINT title_review_kind,
    ADD CONSTRAINT title_review_kind CHECK (kind IN ('identifiers-disagree', 'identifier-shared', 'name-alike'));
""")
