"""Titles, holdings and items have numbers that people read out, each kind with a prefix and a series of its own."""

from chassis.migrations import script

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    """Additive; what is there already is numbered in the background (timer `number`)."""
    script("""
CREATE TABLE number_series (code TEXT NOT NULL, prefix TEXT NOT NULL, start BIGINT NOT NULL, PRIMARY KEY (code));
CREATE FUNCTION number_prefix(kind TEXT) RETURNS TEXT LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT prefix FROM number_series WHERE code = kind),
        CASE kind WHEN 'titles' THEN 't' WHEN 'holdings' THEN 'h' ELSE 'i' END)
$$;
CREATE SEQUENCE holdings_hrid_seq;
CREATE SEQUENCE item_hrid_seq;
ALTER TABLE title ADD COLUMN hrid_prefix TEXT DEFAULT 't' NOT NULL;
ALTER TABLE title ALTER COLUMN hrid_prefix SET DEFAULT number_prefix('titles');
ALTER TABLE holdings ADD COLUMN hrid BIGINT, ADD COLUMN hrid_prefix TEXT DEFAULT 'h' NOT NULL;
ALTER TABLE holdings ALTER COLUMN hrid SET DEFAULT nextval('holdings_hrid_seq'),
    ALTER COLUMN hrid_prefix SET DEFAULT number_prefix('holdings');
ALTER TABLE item ADD COLUMN hrid BIGINT, ADD COLUMN hrid_prefix TEXT DEFAULT 'i' NOT NULL;
ALTER TABLE item ALTER COLUMN hrid SET DEFAULT nextval('item_hrid_seq'),
    ALTER COLUMN hrid_prefix SET DEFAULT number_prefix('items');
""")
