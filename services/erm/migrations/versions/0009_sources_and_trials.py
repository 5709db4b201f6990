"""Where title lists are fetched, lists in chunks; trials; what ends openly, and what ends when."""

from chassis.migrations import script

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the tables."""
    script("""
CREATE TABLE list_source (
    id UUID NOT NULL,
    package_id UUID NOT NULL,
    url TEXT NOT NULL,
    key_name TEXT,
    key_in TEXT NOT NULL,
    sealed BYTEA,
    every_hours INTEGER NOT NULL,
    active BOOLEAN DEFAULT true NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE,
    asked_at TIMESTAMP WITH TIME ZONE,
    outcome TEXT,
    error TEXT,
    failures INTEGER DEFAULT '0' NOT NULL,
    etag TEXT,
    modified TEXT,
    digest TEXT,
    load_id UUID,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(package_id) REFERENCES package (id)
);
CREATE UNIQUE INDEX list_source_one_per_package ON list_source (package_id);
CREATE INDEX list_source_due ON list_source (next_at) WHERE next_at IS NOT NULL;
CREATE TABLE list_chunk (
    load_id UUID NOT NULL,
    ordinal INTEGER NOT NULL,
    lines INTEGER NOT NULL,
    digest BYTEA NOT NULL,
    content BYTEA NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (load_id, ordinal),
    FOREIGN KEY(load_id) REFERENCES kbart_load (id) ON DELETE CASCADE
);
CREATE TABLE list_chunk_error (
    id UUID NOT NULL,
    load_id UUID NOT NULL,
    ordinal INTEGER NOT NULL,
    reasons JSONB NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(load_id) REFERENCES kbart_load (id) ON DELETE CASCADE
);
CREATE INDEX list_chunk_error_by_load ON list_chunk_error (load_id, id);
CREATE TABLE trial (
    id UUID NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    organisation_id UUID,
    package_id UUID,
    agreement_id UUID,
    starts_on DATE,
    ends_on DATE,
    feedback_until DATE,
    access_url TEXT,
    contacts JSONB NOT NULL,
    questions JSONB NOT NULL,
    for_readers BOOLEAN DEFAULT false NOT NULL,
    decision TEXT,
    decisions JSONB NOT NULL,
    note TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT trial_status CHECK (status IN ('requested', 'set-up', 'running', 'feedback', 'decided')),
    CONSTRAINT trial_decision CHECK (decision IN ('buy', 'drop')),
    CONSTRAINT trial_decided_by_a_decision CHECK ((status = 'decided') = (decision IS NOT NULL)),
    CONSTRAINT trial_runs_forwards CHECK (ends_on >= starts_on),
    FOREIGN KEY(organisation_id) REFERENCES organisation (id),
    FOREIGN KEY(package_id) REFERENCES package (id),
    FOREIGN KEY(agreement_id) REFERENCES agreement (id)
);
CREATE INDEX trial_by_organisation ON trial (organisation_id, id);
CREATE INDEX trial_by_package ON trial (package_id, id);
CREATE INDEX trial_by_status ON trial (status, id);
CREATE TABLE trial_feedback (
    id UUID NOT NULL,
    trial_id UUID NOT NULL,
    giver BYTEA NOT NULL,
    kind TEXT NOT NULL,
    answers JSONB NOT NULL,
    comment TEXT,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(trial_id) REFERENCES trial (id)
);
CREATE INDEX trial_feedback_by_trial ON trial_feedback (trial_id, id);
CREATE UNIQUE INDEX trial_feedback_one_each ON trial_feedback (trial_id, giver);
CREATE INDEX package_item_by_end ON package_item (access_end_on, id) WHERE access_end_on IS NOT NULL;
ALTER TABLE licence_amendment ADD COLUMN open_ended BOOLEAN DEFAULT false NOT NULL,
    ADD CONSTRAINT licence_amendment_open_ended_has_no_end CHECK (NOT open_ended OR ends_on IS NULL);
ALTER TABLE agreement_period ADD COLUMN open_ended BOOLEAN DEFAULT false NOT NULL,
    ADD CONSTRAINT agreement_period_open_ended_has_no_end CHECK (NOT open_ended OR ends_on IS NULL);
""")
