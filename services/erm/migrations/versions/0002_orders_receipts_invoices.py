"""Configuration, orders, receipts and invoices."""

from chassis.migrations import script

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make their tables."""
    script("""
CREATE SEQUENCE order_number;
CREATE TABLE configuration (
    singleton BOOLEAN DEFAULT true NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    document JSONB NOT NULL,
    applied_at TIMESTAMP WITH TIME ZONE,
    applied_by TEXT,
    PRIMARY KEY (singleton),
    CONSTRAINT configuration_is_one CHECK (singleton)
);
CREATE TABLE invoice (
    id UUID NOT NULL,
    vendor_id UUID NOT NULL,
    vendor_invoice_number TEXT NOT NULL,
    invoiced_on DATE NOT NULL,
    state TEXT NOT NULL,
    currency TEXT NOT NULL,
    ledger_currency TEXT,
    exchange_rate NUMERIC(19, 10),
    rate_at TIMESTAMP WITH TIME ZONE,
    fiscal_year_id UUID,
    lock_total BIGINT,
    total BIGINT NOT NULL,
    ledger_total BIGINT,
    note TEXT,
    payment_reference TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    approved_at TIMESTAMP WITH TIME ZONE,
    approved_by TEXT,
    paid_at TIMESTAMP WITH TIME ZONE,
    cancelled_at TIMESTAMP WITH TIME ZONE,
    cancel_reason TEXT,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT invoice_state CHECK (state IN ('open', 'reviewed', 'approved', 'paid', 'cancelled')),
    CONSTRAINT invoice_rate CHECK (exchange_rate > 0),
    FOREIGN KEY(vendor_id) REFERENCES organisation (id),
    FOREIGN KEY(fiscal_year_id) REFERENCES fiscal_year (id)
);
CREATE INDEX invoice_by_state ON invoice (state, id);
CREATE INDEX invoice_by_vendor ON invoice (vendor_id, id);
CREATE UNIQUE INDEX invoice_one_per_vendors_number ON invoice (vendor_id, lower(vendor_invoice_number)) WHERE state <> 'cancelled';
CREATE TABLE purchase_order (
    id UUID NOT NULL,
    number TEXT NOT NULL,
    vendor_id UUID NOT NULL,
    account_number TEXT,
    state TEXT NOT NULL,
    close_reason TEXT,
    currency TEXT NOT NULL,
    ledger_currency TEXT,
    exchange_rate NUMERIC(19, 10),
    fiscal_year_id UUID,
    note TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    approved_at TIMESTAMP WITH TIME ZONE,
    approved_by TEXT,
    closed_at TIMESTAMP WITH TIME ZONE,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT purchase_order_state CHECK (state IN ('pending', 'open', 'closed')),
    CONSTRAINT purchase_order_rate CHECK (exchange_rate > 0),
    FOREIGN KEY(vendor_id) REFERENCES organisation (id),
    FOREIGN KEY(fiscal_year_id) REFERENCES fiscal_year (id)
);
CREATE INDEX purchase_order_by_state ON purchase_order (state, id);
CREATE INDEX purchase_order_by_vendor ON purchase_order (vendor_id, id);
CREATE UNIQUE INDEX purchase_order_one_per_number ON purchase_order (number);
CREATE TABLE invoice_adjustment (
    invoice_id UUID NOT NULL,
    position INTEGER NOT NULL,
    kind TEXT NOT NULL,
    description TEXT NOT NULL,
    percent NUMERIC(9, 6),
    amount BIGINT,
    prorate TEXT NOT NULL,
    included BOOLEAN DEFAULT false NOT NULL,
    comes_to BIGINT NOT NULL,
    PRIMARY KEY (invoice_id, position),
    CONSTRAINT invoice_adjustment_one_measure CHECK ((percent IS NULL) <> (amount IS NULL)),
    CONSTRAINT invoice_adjustment_prorate CHECK (prorate IN ('by-line', 'by-amount', 'by-quantity')),
    FOREIGN KEY(invoice_id) REFERENCES invoice (id)
);
CREATE TABLE order_line (
    id UUID NOT NULL,
    order_id UUID NOT NULL,
    position INTEGER NOT NULL,
    title TEXT NOT NULL,
    author TEXT,
    publisher TEXT,
    year TEXT,
    isbn TEXT,
    title_id UUID,
    receipt TEXT NOT NULL,
    location_id UUID,
    material_type TEXT,
    loan_type TEXT,
    call_number TEXT,
    quantity INTEGER NOT NULL,
    list_price BIGINT NOT NULL,
    discount_percent NUMERIC(9, 6),
    additional BIGINT DEFAULT '0' NOT NULL,
    tax_percent NUMERIC(9, 6),
    total BIGINT NOT NULL,
    received INTEGER DEFAULT '0' NOT NULL,
    paid INTEGER DEFAULT '0' NOT NULL,
    paid_last INTEGER DEFAULT '0' NOT NULL,
    cancelled BOOLEAN DEFAULT false NOT NULL,
    cancel_reason TEXT,
    note TEXT,
    PRIMARY KEY (id),
    CONSTRAINT order_line_of_something CHECK (quantity > 0),
    CONSTRAINT order_line_costs CHECK (list_price >= 0 AND additional >= 0 AND total >= 0),
    CONSTRAINT order_line_received CHECK (received >= 0),
    CONSTRAINT order_line_receipt CHECK (receipt IN ('items', 'count', 'none')),
    CONSTRAINT order_line_items_go_somewhere CHECK (receipt <> 'items' OR location_id IS NOT NULL),
    FOREIGN KEY(order_id) REFERENCES purchase_order (id)
);
CREATE INDEX order_line_by_order ON order_line (order_id, position);
CREATE INDEX order_line_by_title ON order_line (title_id, id) WHERE title_id IS NOT NULL;
CREATE TABLE invoice_line (
    id UUID NOT NULL,
    invoice_id UUID NOT NULL,
    position INTEGER NOT NULL,
    description TEXT NOT NULL,
    order_line_id UUID,
    quantity INTEGER NOT NULL,
    subtotal BIGINT NOT NULL,
    adjustments BIGINT NOT NULL,
    total BIGINT NOT NULL,
    last BOOLEAN DEFAULT false NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT invoice_line_of_something CHECK (quantity <> 0),
    CONSTRAINT invoice_line_sign CHECK (subtotal = 0 OR (subtotal > 0) = (quantity > 0)),
    FOREIGN KEY(invoice_id) REFERENCES invoice (id),
    FOREIGN KEY(order_line_id) REFERENCES order_line (id)
);
CREATE INDEX invoice_line_by_invoice ON invoice_line (invoice_id, position);
CREATE INDEX invoice_line_by_order_line ON invoice_line (order_line_id) WHERE order_line_id IS NOT NULL;
CREATE TABLE order_line_share (
    order_line_id UUID NOT NULL,
    position INTEGER NOT NULL,
    fund_id UUID NOT NULL,
    expense_class_id UUID,
    percent NUMERIC(9, 6),
    amount BIGINT,
    bears BIGINT NOT NULL,
    PRIMARY KEY (order_line_id, position),
    FOREIGN KEY(order_line_id) REFERENCES order_line (id),
    FOREIGN KEY(fund_id) REFERENCES fund (id),
    FOREIGN KEY(expense_class_id) REFERENCES expense_class (id)
);
CREATE TABLE receipt (
    id UUID NOT NULL,
    order_line_id UUID NOT NULL,
    quantity INTEGER NOT NULL,
    note TEXT,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor TEXT NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT receipt_of_something CHECK (quantity > 0),
    FOREIGN KEY(order_line_id) REFERENCES order_line (id)
);
CREATE INDEX receipt_by_line ON receipt (order_line_id, id);
CREATE TABLE invoice_share (
    invoice_line_id UUID NOT NULL,
    position INTEGER NOT NULL,
    fund_id UUID NOT NULL,
    expense_class_id UUID,
    percent NUMERIC(9, 6),
    amount BIGINT,
    bears BIGINT NOT NULL,
    PRIMARY KEY (invoice_line_id, position),
    FOREIGN KEY(invoice_line_id) REFERENCES invoice_line (id),
    FOREIGN KEY(fund_id) REFERENCES fund (id),
    FOREIGN KEY(expense_class_id) REFERENCES expense_class (id)
);
CREATE TABLE piece (
    id UUID NOT NULL,
    receipt_id UUID NOT NULL,
    order_line_id UUID NOT NULL,
    position INTEGER NOT NULL,
    state TEXT NOT NULL,
    barcode TEXT,
    item_id UUID,
    reasons TEXT[] DEFAULT '{}' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT piece_state CHECK (state IN ('counted', 'asked', 'in-process', 'refused', 'undoing', 'undone')),
    FOREIGN KEY(receipt_id) REFERENCES receipt (id),
    FOREIGN KEY(order_line_id) REFERENCES order_line (id)
);
CREATE INDEX piece_by_line ON piece (order_line_id, id);
CREATE INDEX piece_by_receipt ON piece (receipt_id, position);
INSERT INTO configuration (document) VALUES ('{}')
""")
