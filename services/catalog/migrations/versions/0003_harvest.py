"""What harvesters are told by OAI-PMH: one row per title that was ever public, in the order it was told; sets."""

from chassis.migrations import script

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables; the follower fills them."""
    script("""
CREATE TABLE oai_record (
    title_id UUID NOT NULL,
    datestamp TIMESTAMP WITH TIME ZONE NOT NULL,
    deleted BOOLEAN DEFAULT false NOT NULL,
    title_version BIGINT NOT NULL,
    holdings_digest BIGINT NOT NULL,
    sets TEXT[] DEFAULT '{}' NOT NULL,
    PRIMARY KEY (title_id)
);
CREATE INDEX oai_record_order ON oai_record (datestamp, title_id);
CREATE TABLE oai_membership (
    set_spec TEXT NOT NULL,
    datestamp TIMESTAMP WITH TIME ZONE NOT NULL,
    title_id UUID NOT NULL,
    PRIMARY KEY (set_spec, datestamp, title_id)
);
CREATE INDEX oai_membership_title ON oai_membership (title_id);
CREATE TABLE oai_set (
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT DEFAULT '' NOT NULL,
    material_types TEXT[] DEFAULT '{}' NOT NULL,
    libraries TEXT[] DEFAULT '{}' NOT NULL,
    locations TEXT[] DEFAULT '{}' NOT NULL,
    languages TEXT[] DEFAULT '{}' NOT NULL,
    formats TEXT[] DEFAULT '{}' NOT NULL,
    query TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (code)
);
CREATE TABLE oai_state (
    singleton BOOLEAN DEFAULT true NOT NULL,
    position BIGINT DEFAULT '0' NOT NULL,
    ready BOOLEAN DEFAULT false NOT NULL,
    filling BOOLEAN DEFAULT true NOT NULL,
    filled_to UUID,
    rules TEXT DEFAULT '' NOT NULL,
    followed_at TIMESTAMP WITH TIME ZONE,
    secret BYTEA NOT NULL,
    PRIMARY KEY (singleton),
    CONSTRAINT oai_state_one_row CHECK (singleton)
);
INSERT INTO oai_state (secret) VALUES (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
""")
