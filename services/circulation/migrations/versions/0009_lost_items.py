"""Lost and claimed items."""

from chassis.migrations import script

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Nullable columns and constant defaults; the previous release neither loses nor finds anything."""
    script("""
ALTER TABLE item ADD COLUMN loss TEXT;
ALTER TABLE patron ADD COLUMN claims INTEGER DEFAULT '0' NOT NULL, ADD COLUMN claims_open INTEGER DEFAULT '0' NOT NULL,
    ADD CONSTRAINT patron_claims_counted CHECK (claims_open >= 0 AND claims_open <= claims) NOT VALID;
ALTER TABLE patron VALIDATE CONSTRAINT patron_claims_counted;
ALTER TABLE loan ADD COLUMN lost_at TIMESTAMP WITH TIME ZONE, ADD COLUMN lost_cause TEXT, ADD COLUMN lost_policy TEXT,
    ADD COLUMN lost_comment TEXT, ADD COLUMN lost_check_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN bill_at TIMESTAMP WITH TIME ZONE, ADD COLUMN cost_awaited BOOLEAN DEFAULT false NOT NULL,
    ADD COLUMN closes_at TIMESTAMP WITH TIME ZONE, ADD COLUMN claimed_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN claim_comment TEXT, ADD COLUMN claim_resolution TEXT, ADD COLUMN ended TEXT;
CREATE INDEX loan_to_age ON loan (due_at)
    WHERE lost_check_at IS NULL AND returned_at IS NULL AND lost_at IS NULL AND claimed_at IS NULL;
CREATE INDEX loan_to_age_later ON loan (lost_check_at)
    WHERE lost_check_at IS NOT NULL AND returned_at IS NULL AND lost_at IS NULL AND claimed_at IS NULL;
CREATE INDEX loan_to_bill ON loan (bill_at)
    WHERE bill_at IS NOT NULL AND returned_at IS NULL AND claimed_at IS NULL;
CREATE INDEX loan_to_close ON loan (closes_at)
    WHERE closes_at IS NOT NULL AND returned_at IS NULL AND claimed_at IS NULL;
""")
