"""Who may borrow for whom."""

from chassis.migrations import script

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Additive; the previous release goes on lending to the patrons themselves."""
    script("""
CREATE TABLE patron_proxy (
    id UUID NOT NULL,
    sponsor_id UUID NOT NULL,
    proxy_id UUID NOT NULL,
    valid_from TIMESTAMP WITH TIME ZONE,
    valid_to TIMESTAMP WITH TIME ZONE,
    note TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE,
    revoked_by TEXT,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT patron_proxy_of_another CHECK (sponsor_id <> proxy_id),
    CONSTRAINT patron_proxy_runs_forwards CHECK (valid_to > valid_from),
    FOREIGN KEY(sponsor_id) REFERENCES patron (id),
    FOREIGN KEY(proxy_id) REFERENCES patron (id)
);
CREATE UNIQUE INDEX patron_proxy_one_in_force ON patron_proxy (sponsor_id, proxy_id) WHERE revoked_at IS NULL;
CREATE INDEX patron_proxy_by_proxy ON patron_proxy (proxy_id, id);
CREATE INDEX patron_proxy_by_sponsor ON patron_proxy (sponsor_id, id);
ALTER TABLE loan ADD COLUMN proxy_id UUID;
ALTER TABLE hold ADD COLUMN proxy_id UUID;
""")
