"""Budgets: the document, a program's own, and what every process has counted."""

from chassis.migrations import script

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """What is counted is lost with a crash, and that is as well: it is a minute's."""
    script("""
CREATE TABLE budget_document (
    one boolean PRIMARY KEY DEFAULT true CONSTRAINT budget_document_only_one CHECK (one),
    version integer NOT NULL DEFAULT 1,
    document jsonb NOT NULL,
    applied_at timestamptz,
    applied_by text
);
INSERT INTO budget_document (document) VALUES ('{}');
CREATE UNLOGGED TABLE budget_use (
    key text NOT NULL,
    starts timestamptz NOT NULL,
    used integer NOT NULL,
    PRIMARY KEY (key, starts)
);
CREATE INDEX budget_use_starts ON budget_use (starts);
ALTER TABLE client ADD COLUMN per_minute integer;
CREATE INDEX client_by_budget ON client (id) WHERE per_minute IS NOT NULL;
""")
