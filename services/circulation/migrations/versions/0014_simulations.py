"""Simulations of a configuration on past loans and holds."""

from chassis.migrations import script

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """A table."""
    script("""
CREATE TABLE simulation (
    id UUID NOT NULL,
    name TEXT NOT NULL,
    document JSONB NOT NULL,
    base_version INTEGER NOT NULL DEFAULT 0,
    from_at TIMESTAMP WITH TIME ZONE NOT NULL,
    until_at TIMESTAMP WITH TIME ZONE NOT NULL,
    examples_wanted INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL,
    cancelling BOOLEAN NOT NULL DEFAULT false,
    total BIGINT NOT NULL DEFAULT 0,
    done BIGINT NOT NULL DEFAULT 0,
    counts JSONB,
    by_rule JSONB,
    examples JSONB,
    error TEXT,
    requested_by TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    CONSTRAINT simulation_state CHECK (state IN ('queued', 'running', 'finished', 'cancelled', 'failed')),
    CONSTRAINT simulation_span CHECK (from_at < until_at)
);
CREATE INDEX simulation_open ON simulation (id) WHERE state IN ('queued', 'running');
""")
