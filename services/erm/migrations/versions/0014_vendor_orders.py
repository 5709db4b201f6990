"""Orders that vendors' sites post, and how what they post becomes an order."""

from chassis.migrations import script

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """No program posts any until somebody enters an account for it."""
    script("""
CREATE TABLE vendor_order_account (
    id UUID NOT NULL,
    organisation_id UUID NOT NULL,
    client TEXT NOT NULL,
    name TEXT NOT NULL,
    format TEXT NOT NULL,
    mapping JSONB NOT NULL,
    approve BOOLEAN DEFAULT false NOT NULL,
    acquisition_unit_ids UUID[] DEFAULT '{}' NOT NULL,
    active BOOLEAN DEFAULT true NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT vendor_order_account_format CHECK (format IN ('json', 'xml')),
    FOREIGN KEY(organisation_id) REFERENCES organisation (id)
);
CREATE UNIQUE INDEX vendor_order_account_one_per_client ON vendor_order_account (client);
CREATE INDEX vendor_order_account_by_organisation ON vendor_order_account (organisation_id, id);
CREATE TABLE vendor_order (
    id UUID NOT NULL,
    account_id UUID NOT NULL,
    order_key TEXT NOT NULL,
    digest TEXT NOT NULL,
    order_id UUID,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(account_id) REFERENCES vendor_order_account (id),
    FOREIGN KEY(order_id) REFERENCES purchase_order (id)
);
CREATE UNIQUE INDEX vendor_order_once ON vendor_order (account_id, order_key);
CREATE INDEX vendor_order_by_account ON vendor_order (account_id, id);
CREATE INDEX vendor_order_by_order ON vendor_order (order_id);
""")
