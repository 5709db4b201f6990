"""Copies of an order line go to several locations, printed or electronic; a discount may be an amount."""

from chassis.migrations import script

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Make the table of a line's locations; a receipt names the one at which copies came."""
    script("""
ALTER TABLE order_line ADD COLUMN electronic INTEGER DEFAULT '0' NOT NULL;
ALTER TABLE order_line ADD COLUMN discount_amount BIGINT DEFAULT '0' NOT NULL;
ALTER TABLE order_line ADD CONSTRAINT order_line_electronic_of_it CHECK (electronic BETWEEN 0 AND quantity) NOT VALID;
ALTER TABLE order_line ADD CONSTRAINT order_line_discount CHECK (discount_amount >= 0) NOT VALID;
ALTER TABLE order_line VALIDATE CONSTRAINT order_line_electronic_of_it;
ALTER TABLE order_line VALIDATE CONSTRAINT order_line_discount;
CREATE TABLE order_line_location (
    order_line_id UUID NOT NULL,
    location_id UUID NOT NULL,
    position INTEGER NOT NULL,
    physical INTEGER NOT NULL,
    electronic INTEGER NOT NULL,
    PRIMARY KEY (order_line_id, location_id),
    CONSTRAINT order_line_location_no_less_than_nothing CHECK (physical >= 0 AND electronic >= 0),
    CONSTRAINT order_line_location_of_something CHECK (physical + electronic > 0),
    FOREIGN KEY(order_line_id) REFERENCES order_line (id)
);
ALTER TABLE receipt ADD COLUMN location_id UUID;
ALTER TABLE receipt ADD COLUMN electronic BOOLEAN DEFAULT false NOT NULL;
""")
