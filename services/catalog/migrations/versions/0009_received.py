"""Which items were made of copies that acquisitions have received."""

from chassis.migrations import script

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """New tables, which the previous release never looks at."""
    script("""
CREATE TABLE received (
    receipt_id UUID NOT NULL,
    order_line_id UUID NOT NULL,
    title_id UUID,
    version BIGINT DEFAULT '0' NOT NULL,
    PRIMARY KEY (receipt_id)
);
CREATE INDEX received_by_line ON received (order_line_id, receipt_id);
CREATE TABLE received_piece (
    piece_id UUID NOT NULL,
    receipt_id UUID NOT NULL,
    item_id UUID,
    withdrawal_id UUID,
    PRIMARY KEY (piece_id),
    FOREIGN KEY(receipt_id) REFERENCES received (receipt_id)
);
CREATE INDEX received_piece_by_withdrawal ON received_piece (withdrawal_id) WHERE withdrawal_id IS NOT NULL;
""")
