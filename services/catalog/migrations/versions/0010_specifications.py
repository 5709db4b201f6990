"""What a good record is, where a library says otherwise than what is shipped."""

from chassis.migrations import script

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Additive."""
    script("""
CREATE TABLE record_specification (
    code TEXT NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    kind TEXT NOT NULL,
    on_save TEXT NOT NULL,
    document JSONB NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_by TEXT NOT NULL,
    PRIMARY KEY (code)
);
CREATE UNIQUE INDEX record_specification_on_save ON record_specification (kind) WHERE on_save <> 'nothing';
""")
