"""Links of records, and checks of them."""

from chassis.migrations import script

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    """Additive."""
    script("""
CREATE TABLE link (
    id UUID NOT NULL,
    digest BYTEA NOT NULL,
    url TEXT NOT NULL,
    host TEXT NOT NULL,
    outcome TEXT,
    problem TEXT,
    status INTEGER,
    final_address TEXT,
    moved_to TEXT,
    hops JSONB DEFAULT '[]' NOT NULL,
    checked_at TIMESTAMP WITH TIME ZONE,
    since TIMESTAMP WITH TIME ZONE,
    mended_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX link_digest ON link (digest);
CREATE INDEX link_by_outcome ON link (outcome, id) WHERE outcome IS NOT NULL;
CREATE TABLE link_place (
    link_id UUID NOT NULL REFERENCES link (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    entity_id UUID NOT NULL,
    title_id UUID NOT NULL,
    relation TEXT,
    label TEXT,
    PRIMARY KEY (link_id, kind, entity_id)
);
CREATE INDEX link_place_title ON link_place (title_id);
CREATE TABLE link_check (
    id UUID NOT NULL,
    schedule TEXT,
    source JSONB DEFAULT '{}' NOT NULL,
    requested_by TEXT NOT NULL,
    state TEXT DEFAULT 'queued' NOT NULL,
    problem TEXT,
    last_number BIGINT DEFAULT '0' NOT NULL,
    titles BIGINT DEFAULT '0' NOT NULL,
    links BIGINT DEFAULT '0' NOT NULL,
    checked BIGINT DEFAULT '0' NOT NULL,
    well BIGINT DEFAULT '0' NOT NULL,
    moved BIGINT DEFAULT '0' NOT NULL,
    broken BIGINT DEFAULT '0' NOT NULL,
    unclear BIGINT DEFAULT '0' NOT NULL,
    not_asked BIGINT DEFAULT '0' NOT NULL,
    broke BIGINT DEFAULT '0' NOT NULL,
    mended BIGINT DEFAULT '0' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id)
);
CREATE INDEX link_check_open ON link_check (id) WHERE state IN ('queued', 'gathering', 'checking');
CREATE UNIQUE INDEX link_check_one_of_a_schedule ON link_check (schedule)
    WHERE schedule IS NOT NULL AND state IN ('queued', 'gathering', 'checking');
CREATE INDEX link_check_by_age ON link_check (finished_at);
CREATE TABLE link_check_link (
    check_id UUID NOT NULL REFERENCES link_check (id) ON DELETE CASCADE,
    link_id UUID NOT NULL REFERENCES link (id) ON DELETE CASCADE,
    host TEXT NOT NULL,
    not_before TIMESTAMP WITH TIME ZONE NOT NULL,
    tries INTEGER DEFAULT '0' NOT NULL,
    outcome TEXT,
    before TEXT,
    change TEXT,
    problem TEXT,
    status INTEGER,
    final_address TEXT,
    moved_to TEXT,
    hops JSONB DEFAULT '[]' NOT NULL,
    checked_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (check_id, link_id)
);
CREATE INDEX link_check_link_waiting ON link_check_link (host, not_before, link_id) WHERE outcome IS NULL;
CREATE INDEX link_check_link_link ON link_check_link (link_id);
CREATE TABLE link_host (
    host TEXT NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (host)
);
CREATE TABLE link_check_schedule (
    code TEXT NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    document JSONB DEFAULT '{}' NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_by TEXT NOT NULL,
    PRIMARY KEY (code)
);
CREATE INDEX link_check_schedule_due ON link_check_schedule (next_at) WHERE next_at IS NOT NULL;
""")
