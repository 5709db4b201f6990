"""Issues that have come are bound into volumes, here or by a bindery."""

from chassis.migrations import script

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Make its tables; a piece names the volume that it is part of."""
    script("""
CREATE TABLE bindery_shipment (
    id UUID NOT NULL,
    bindery_id UUID NOT NULL,
    state TEXT NOT NULL,
    sent_on DATE NOT NULL,
    due_on DATE,
    returned_on DATE,
    note TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT bindery_shipment_state CHECK (state IN ('sent', 'returned')),
    CONSTRAINT bindery_shipment_due_after_it_is_sent CHECK (due_on >= sent_on),
    CONSTRAINT bindery_shipment_returns_after_it_is_sent CHECK (returned_on >= sent_on),
    FOREIGN KEY(bindery_id) REFERENCES organisation (id)
);
CREATE INDEX bindery_shipment_by_bindery ON bindery_shipment (bindery_id, id);
CREATE TABLE binding (
    id UUID NOT NULL,
    order_line_id UUID NOT NULL,
    enumeration TEXT NOT NULL,
    chronology TEXT,
    barcode TEXT,
    call_number TEXT,
    state TEXT NOT NULL,
    item_id UUID,
    reasons TEXT[] DEFAULT '{}' NOT NULL,
    shipment_id UUID,
    returned_on DATE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor TEXT NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT binding_state CHECK (state IN ('asked', 'waiting', 'ready', 'at-bindery', 'bound', 'undoing', 'undone')),
    CONSTRAINT binding_sent_with_something CHECK (state <> 'at-bindery' OR shipment_id IS NOT NULL),
    FOREIGN KEY(order_line_id) REFERENCES order_line (id),
    FOREIGN KEY(shipment_id) REFERENCES bindery_shipment (id)
);
CREATE INDEX binding_by_line ON binding (order_line_id, id);
CREATE INDEX binding_by_state ON binding (state, id);
CREATE INDEX binding_by_shipment ON binding (shipment_id, id) WHERE shipment_id IS NOT NULL;
ALTER TABLE piece ADD COLUMN binding_id UUID REFERENCES binding (id);
CREATE INDEX piece_by_binding ON piece (binding_id) WHERE binding_id IS NOT NULL;
""")
