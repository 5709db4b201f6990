"""Rows of title lists are told apart by the database; what a hundred thousand of them are written to has less to keep."""

from chassis.migrations import script

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Rows that were read before have no marks: they are matched one after the other."""
    script("""
ALTER TABLE kbart_row ADD COLUMN digest BYTEA, ADD COLUMN domain TEXT, ADD COLUMN sort_name TEXT COLLATE "C",
    ADD COLUMN start_on DATE, ADD COLUMN end_on DATE, ADD COLUMN online_kind TEXT, ADD COLUMN online TEXT,
    ADD COLUMN print_kind TEXT, ADD COLUMN print TEXT, ADD COLUMN doi TEXT;
DROP INDEX kbart_row_by_outcome;
CREATE INDEX kbart_row_by_outcome ON kbart_row (load_id, outcome, line) WHERE outcome IS NOT NULL;
DROP INDEX title_identifier_one_title;
DROP INDEX title_identifier_by_value;
CREATE UNIQUE INDEX title_identifier_one_title ON title_identifier (namespace, value, medium,
    (CASE WHEN approved THEN id END)) NULLS NOT DISTINCT;
DROP INDEX package_item_once;
DROP INDEX package_item_by_title;
CREATE UNIQUE INDEX package_item_once ON package_item (platform_title_id, package_id);
""")
