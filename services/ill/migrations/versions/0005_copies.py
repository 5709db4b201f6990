"""Files of copies, and what the guidelines on copying count."""

from chassis.migrations import script

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Additive."""
    script("""
ALTER TABLE request ADD COLUMN journals TEXT[] DEFAULT '{}' NOT NULL, ADD COLUMN counted_in INTEGER,
    ADD COLUMN compliance TEXT, ADD COLUMN royalty BIGINT, ADD COLUMN royalty_currency TEXT,
    ADD COLUMN declared TEXT, ADD COLUMN document_id UUID;
CREATE INDEX request_by_journal ON request USING gin (journals) WHERE counted_in IS NOT NULL;
CREATE TABLE document (
    id UUID NOT NULL,
    request_id UUID NOT NULL,
    content BYTEA,
    size INTEGER DEFAULT '0' NOT NULL,
    sha256 BYTEA NOT NULL,
    stored_at TIMESTAMP WITH TIME ZONE NOT NULL,
    stored_by TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    downloads_left INTEGER DEFAULT '0' NOT NULL,
    fetched_at TIMESTAMP WITH TIME ZONE,
    token_hash BYTEA,
    PRIMARY KEY (id),
    CONSTRAINT document_downloads_count_down CHECK (downloads_left >= 0),
    FOREIGN KEY(request_id) REFERENCES request (id)
);
CREATE INDEX document_by_request ON document (request_id, id);
CREATE UNIQUE INDEX document_by_token ON document (token_hash);
CREATE INDEX document_to_forget ON document (expires_at) WHERE content IS NOT NULL;
""")
