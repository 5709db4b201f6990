"""A ledger goes over into its next year; days of grace, prepayments, kinds of orders, funds of some locations."""

from chassis.migrations import script

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """What was there before: years without days of grace, orders that are bought once, funds for every location."""
    script("""
ALTER TABLE fiscal_year ADD COLUMN order_grace_days INTEGER, ADD COLUMN invoice_grace_days INTEGER;
ALTER TABLE fund ADD COLUMN location_ids UUID[] DEFAULT '{}' NOT NULL;
ALTER TABLE budget ADD COLUMN rollover_id UUID;
ALTER TABLE encumbrance ADD COLUMN rollover_id UUID,
    ADD CONSTRAINT encumbrance_rolled_over_is_released CHECK (rollover_id IS NULL OR state = 'released');
ALTER TABLE purchase_order ADD COLUMN order_type TEXT DEFAULT 'one-time' NOT NULL,
    ADD CONSTRAINT purchase_order_type CHECK (order_type IN ('one-time', 'ongoing', 'subscription'));
ALTER TABLE order_line_share ADD COLUMN fiscal_year_id UUID REFERENCES fiscal_year (id);
ALTER TABLE invoice_share ADD COLUMN fiscal_year_id UUID REFERENCES fiscal_year (id);
CREATE TABLE rollover (
    id UUID NOT NULL,
    ledger_id UUID NOT NULL,
    from_year_id UUID NOT NULL,
    to_year_id UUID NOT NULL,
    state TEXT NOT NULL,
    rules JSONB NOT NULL,
    orders JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    done_at TIMESTAMP WITH TIME ZONE,
    done_by TEXT,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT rollover_state CHECK (state IN ('previewed', 'done')),
    CONSTRAINT rollover_into_another_year CHECK (from_year_id <> to_year_id),
    FOREIGN KEY(ledger_id) REFERENCES ledger (id),
    FOREIGN KEY(from_year_id) REFERENCES fiscal_year (id),
    FOREIGN KEY(to_year_id) REFERENCES fiscal_year (id)
);
CREATE UNIQUE INDEX rollover_once ON rollover (ledger_id, from_year_id) WHERE state = 'done';
CREATE INDEX rollover_by_ledger ON rollover (ledger_id, id);
CREATE TABLE rollover_budget (
    rollover_id UUID NOT NULL,
    fund_id UUID NOT NULL,
    allocated BIGINT NOT NULL,
    carried BIGINT NOT NULL,
    released BIGINT NOT NULL,
    encumbered BIGINT NOT NULL,
    reasons JSONB NOT NULL,
    PRIMARY KEY (rollover_id, fund_id),
    FOREIGN KEY(rollover_id) REFERENCES rollover (id),
    FOREIGN KEY(fund_id) REFERENCES fund (id)
);
CREATE TABLE rollover_order (
    rollover_id UUID NOT NULL,
    order_id UUID NOT NULL,
    outcome TEXT NOT NULL,
    released BIGINT NOT NULL,
    encumbered BIGINT NOT NULL,
    lines JSONB NOT NULL,
    reasons JSONB NOT NULL,
    PRIMARY KEY (rollover_id, order_id),
    CONSTRAINT rollover_order_outcome CHECK (outcome IN ('rolled', 'waiting', 'failed', 'left')),
    FOREIGN KEY(rollover_id) REFERENCES rollover (id),
    FOREIGN KEY(order_id) REFERENCES purchase_order (id)
);
CREATE INDEX rollover_order_by_order ON rollover_order (order_id);
CREATE INDEX rollover_order_by_outcome ON rollover_order (rollover_id, outcome, order_id);
""")
