"""Slips that are mailed: to whom, how often it was tried, and whether the mail server has taken them."""

from chassis.migrations import script

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Additive."""
    script("""
CREATE TABLE mail (
    id UUID NOT NULL,
    batch_id UUID NOT NULL,
    recipient TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER DEFAULT '0' NOT NULL,
    error TEXT,
    next_at TIMESTAMP WITH TIME ZONE NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    CONSTRAINT mail_state CHECK (state IN ('queued', 'sent', 'given-up')),
    FOREIGN KEY(batch_id) REFERENCES pull_batch (id) ON DELETE CASCADE
);
CREATE INDEX mail_to_be_sent ON mail (next_at) WHERE state = 'queued';
CREATE INDEX mail_by_batch ON mail (batch_id);
""")
