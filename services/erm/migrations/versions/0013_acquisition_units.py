"""Who may see and change what is bought: acquisition units, their members, and what belongs to them."""

from chassis.migrations import script

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """What was bought before belongs to no unit: whoever has the scope may."""
    script("""
CREATE TABLE acquisition_unit (
    id UUID NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    protect_read BOOLEAN DEFAULT false NOT NULL,
    protect_create BOOLEAN DEFAULT true NOT NULL,
    protect_update BOOLEAN DEFAULT true NOT NULL,
    protect_delete BOOLEAN DEFAULT true NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX acquisition_unit_one_per_name ON acquisition_unit (lower(name));
CREATE TABLE acquisition_unit_member (
    unit_id UUID NOT NULL,
    member TEXT COLLATE "C" NOT NULL,
    added_at TIMESTAMP WITH TIME ZONE NOT NULL,
    added_by TEXT NOT NULL,
    PRIMARY KEY (unit_id, member),
    CONSTRAINT acquisition_unit_member_kind CHECK (member ~ '^(staff|client):.'),
    FOREIGN KEY(unit_id) REFERENCES acquisition_unit (id) ON DELETE CASCADE
);
CREATE INDEX acquisition_unit_of_member ON acquisition_unit_member (member, unit_id);
ALTER TABLE purchase_order ADD COLUMN acquisition_unit_ids UUID[] DEFAULT '{}' NOT NULL;
ALTER TABLE invoice ADD COLUMN acquisition_unit_ids UUID[] DEFAULT '{}' NOT NULL;
ALTER TABLE ledger ADD COLUMN acquisition_unit_ids UUID[] DEFAULT '{}' NOT NULL;
ALTER TABLE fund ADD COLUMN acquisition_unit_ids UUID[] DEFAULT '{}' NOT NULL;
ALTER TABLE organisation ADD COLUMN acquisition_unit_ids UUID[] DEFAULT '{}' NOT NULL;
CREATE INDEX purchase_order_in_units ON purchase_order USING gin (acquisition_unit_ids)
    WHERE acquisition_unit_ids <> '{}';
CREATE INDEX invoice_in_units ON invoice USING gin (acquisition_unit_ids) WHERE acquisition_unit_ids <> '{}';
CREATE INDEX ledger_in_units ON ledger USING gin (acquisition_unit_ids) WHERE acquisition_unit_ids <> '{}';
CREATE INDEX fund_in_units ON fund USING gin (acquisition_unit_ids) WHERE acquisition_unit_ids <> '{}';
CREATE INDEX organisation_in_units ON organisation USING gin (acquisition_unit_ids)
    WHERE acquisition_unit_ids <> '{}';
ALTER TABLE edifact_interchange ADD COLUMN unlimited BOOLEAN DEFAULT true NOT NULL;
ALTER TABLE edifact_message ADD COLUMN named_order_ids UUID[] DEFAULT '{}' NOT NULL;
UPDATE edifact_message m SET named_order_ids = n.ids
FROM (SELECT n.message_id, array_agg(DISTINCT l.order_id) AS ids
    FROM (SELECT message_id, order_line_id FROM edifact_line_report UNION ALL
        SELECT a.message_id, d.order_line_id FROM despatch_advice a JOIN despatch_advice_line d ON d.despatch_id = a.id) n
    JOIN order_line l ON l.id = n.order_line_id GROUP BY n.message_id) n
WHERE m.id = n.message_id;
""")
