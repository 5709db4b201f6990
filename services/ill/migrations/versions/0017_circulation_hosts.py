"""Circulation that is not ours: what serves which place, as whom it knows whom, and what it is told."""

from chassis.migrations import script

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Additive."""
    script("""
CREATE TABLE circulation_host (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    settings JSONB NOT NULL,
    for_the_rest BOOLEAN DEFAULT 'false' NOT NULL,
    active BOOLEAN DEFAULT 'true' NOT NULL,
    sealed BYTEA,
    version BIGINT DEFAULT '1' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX circulation_host_by_code ON circulation_host (code);
CREATE UNIQUE INDEX circulation_host_one_for_the_rest ON circulation_host (for_the_rest) WHERE for_the_rest AND active;
CREATE TABLE circulation_host_place (
    place TEXT NOT NULL,
    host_id UUID NOT NULL,
    PRIMARY KEY (place),
    FOREIGN KEY(host_id) REFERENCES circulation_host (id)
);
CREATE TABLE host_user (
    host_id UUID NOT NULL,
    ref UUID NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (host_id, ref),
    FOREIGN KEY(host_id) REFERENCES circulation_host (id)
);
CREATE TABLE host_act (
    id UUID NOT NULL,
    request_id UUID NOT NULL,
    host_id UUID NOT NULL,
    kind TEXT NOT NULL,
    question JSONB NOT NULL,
    facts JSONB NOT NULL,
    state TEXT NOT NULL,
    doubtful BOOLEAN DEFAULT 'false' NOT NULL,
    reason TEXT,
    attempts INTEGER DEFAULT '0' NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE,
    last_error TEXT,
    message JSONB,
    answer JSONB,
    told JSONB DEFAULT '{}' NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    settled_at TIMESTAMP WITH TIME ZONE,
    settled_by TEXT,
    PRIMARY KEY (id),
    FOREIGN KEY(request_id) REFERENCES request (id),
    FOREIGN KEY(host_id) REFERENCES circulation_host (id),
    CONSTRAINT host_act_state CHECK (state IN ('waiting', 'staff', 'done', 'refused', 'withdrawn')),
    CONSTRAINT host_act_waits_or_not CHECK (state = 'waiting' OR next_at IS NULL)
);
CREATE INDEX host_act_by_request ON host_act (request_id, id);
CREATE INDEX host_act_by_state ON host_act (state, id);
CREATE INDEX host_act_by_host ON host_act (host_id);
CREATE INDEX host_act_to_be_told ON host_act (next_at) WHERE state = 'waiting';
CREATE INDEX host_act_open ON host_act (request_id, id) WHERE state IN ('waiting', 'staff');
""")
