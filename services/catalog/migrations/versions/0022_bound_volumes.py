"""Issues of serials become volumes."""

from chassis.migrations import script

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Additive."""
    script("""
CREATE TABLE bound_volume (
    binding_id UUID NOT NULL,
    order_line_id UUID NOT NULL,
    told JSONB DEFAULT '{}' NOT NULL,
    item_id UUID,
    withdrawal_id UUID,
    undone BOOLEAN DEFAULT false NOT NULL,
    version BIGINT DEFAULT '0' NOT NULL,
    PRIMARY KEY (binding_id)
);
CREATE INDEX bound_volume_by_withdrawal ON bound_volume (withdrawal_id) WHERE withdrawal_id IS NOT NULL;
CREATE TABLE bound_piece (
    binding_id UUID NOT NULL,
    piece_id UUID NOT NULL,
    item_id UUID,
    withdrawal_id UUID,
    taken_out BOOLEAN DEFAULT false NOT NULL,
    reasons JSONB DEFAULT '[]' NOT NULL,
    PRIMARY KEY (binding_id, piece_id),
    FOREIGN KEY(binding_id) REFERENCES bound_volume (binding_id)
);
CREATE INDEX bound_piece_by_withdrawal ON bound_piece (withdrawal_id) WHERE withdrawal_id IS NOT NULL;
""")
