"""Which slips were printed; groups that get holds on what is new."""

from chassis.migrations import script

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """New tables only."""
    script("""
CREATE TABLE slip_print (
    id UUID NOT NULL,
    service_point_id UUID NOT NULL,
    kind TEXT NOT NULL,
    printed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    printed_by TEXT NOT NULL,
    slips INTEGER DEFAULT '0' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT slip_print_kind CHECK (kind IN ('pick', 'hold'))
);
CREATE INDEX slip_print_by_desk ON slip_print (service_point_id, id);
CREATE TABLE slip_printed (
    print_id UUID NOT NULL,
    item_id UUID NOT NULL,
    hold_id UUID NOT NULL,
    kind TEXT NOT NULL,
    PRIMARY KEY (print_id, item_id)
);
CREATE INDEX slip_printed_by_hold ON slip_printed (hold_id, item_id, kind);
CREATE TABLE hold_group (
    id UUID NOT NULL,
    name TEXT NOT NULL,
    serial_title_id UUID,
    active BOOLEAN DEFAULT true NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX hold_group_by_serial ON hold_group (serial_title_id) WHERE serial_title_id IS NOT NULL;
CREATE TABLE hold_group_member (
    group_id UUID NOT NULL,
    patron_id UUID NOT NULL,
    pickup_id UUID NOT NULL,
    added_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (group_id, patron_id)
);
CREATE INDEX hold_group_member_in_order ON hold_group_member (group_id, added_at, patron_id);
CREATE INDEX hold_group_member_by_patron ON hold_group_member (patron_id);
CREATE TABLE hold_group_order (
    id UUID NOT NULL,
    group_id UUID NOT NULL,
    title_id UUID NOT NULL,
    volume TEXT,
    volume_key TEXT NOT NULL,
    ordered_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ordered_by TEXT NOT NULL,
    placed INTEGER DEFAULT '0' NOT NULL,
    refused INTEGER DEFAULT '0' NOT NULL,
    done_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    FOREIGN KEY(group_id) REFERENCES hold_group (id)
);
CREATE UNIQUE INDEX hold_group_order_once ON hold_group_order (group_id, title_id, volume_key);
CREATE INDEX hold_group_order_by_group ON hold_group_order (group_id, id);
CREATE INDEX hold_group_order_open ON hold_group_order (id) WHERE done_at IS NULL;
CREATE TABLE hold_group_result (
    order_id UUID NOT NULL,
    patron_id UUID NOT NULL,
    hold_id UUID,
    refusals TEXT,
    tried_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (order_id, patron_id)
);
CREATE INDEX hold_group_result_by_patron ON hold_group_result (patron_id);
""")
