"""Partners' version of ISO 18626 and brokers; editions that are preferred; volumes one by one."""

from chassis.migrations import script

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Additive."""
    script("""
ALTER TABLE partner ADD COLUMN speaks TEXT DEFAULT '1.2' NOT NULL
    CONSTRAINT partner_speaks CHECK (speaks IN ('1.2', '2021-2')),
    ADD COLUMN broker TEXT CONSTRAINT partner_broker CHECK (broker IN ('opaque', 'transparent'));
ALTER TABLE request ADD COLUMN preferred_edition TEXT, ADD COLUMN named TEXT,
    ADD COLUMN volumes JSONB DEFAULT '[]' NOT NULL;
ALTER TABLE rota_entry ADD COLUMN named TEXT;
ALTER TABLE message ADD COLUMN version TEXT;
""")
