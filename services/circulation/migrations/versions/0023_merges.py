"""Registrations that were merged into another."""

from chassis.migrations import script

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Additive; the previous release merges nobody."""
    script("""
CREATE TABLE merged_patron (
    id UUID NOT NULL,
    patron_id UUID NOT NULL,
    registration JSONB NOT NULL,
    merged_at TIMESTAMP WITH TIME ZONE NOT NULL,
    merged_by TEXT NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(patron_id) REFERENCES patron (id)
);
CREATE INDEX merged_patron_by_patron ON merged_patron (patron_id, id);
CREATE INDEX loan_by_proxy ON loan (proxy_id) WHERE proxy_id IS NOT NULL;
CREATE INDEX hold_by_proxy ON hold (proxy_id) WHERE proxy_id IS NOT NULL;
CREATE INDEX desk_session_by_patron ON desk_session (patron_id);
CREATE INDEX item_kept_for ON item (kept_for) WHERE kept_for IS NOT NULL;
""")
