"""Issues that have come go round among readers."""

from chassis.migrations import script

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Make its tables."""
    script("""
CREATE TABLE routing_list (
    id UUID NOT NULL,
    order_line_id UUID NOT NULL,
    copy_number INTEGER DEFAULT '1' NOT NULL,
    name TEXT NOT NULL,
    keep_days INTEGER NOT NULL,
    back_to TEXT NOT NULL,
    active BOOLEAN DEFAULT true NOT NULL,
    note TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT routing_list_copy CHECK (copy_number > 0),
    CONSTRAINT routing_list_keeps CHECK (keep_days > 0),
    FOREIGN KEY(order_line_id) REFERENCES order_line (id)
);
CREATE UNIQUE INDEX routing_list_one_per_copy ON routing_list (order_line_id, copy_number);
CREATE INDEX routing_list_by_line ON routing_list (order_line_id, id);
CREATE TABLE routing_stop (
    list_id UUID NOT NULL,
    position INTEGER NOT NULL,
    patron_ref UUID,
    name TEXT NOT NULL,
    keep_days INTEGER,
    away_from DATE,
    away_until DATE,
    PRIMARY KEY (list_id, position),
    CONSTRAINT routing_stop_comes_back_after_going CHECK (away_until >= away_from),
    FOREIGN KEY(list_id) REFERENCES routing_list (id)
);
CREATE UNIQUE INDEX routing_stop_once ON routing_stop (list_id, patron_ref);
CREATE INDEX routing_stop_by_patron ON routing_stop (patron_ref) WHERE patron_ref IS NOT NULL;
CREATE TABLE routing_round (
    id UUID NOT NULL,
    list_id UUID NOT NULL,
    piece_id UUID NOT NULL,
    issue TEXT NOT NULL,
    state TEXT NOT NULL,
    due_on DATE,
    readers INTEGER DEFAULT '0' NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT routing_round_state CHECK (state IN ('under-way', 'ended', 'cancelled')),
    CONSTRAINT routing_round_ends CHECK ((state = 'under-way') = (ended_at IS NULL)),
    FOREIGN KEY(list_id) REFERENCES routing_list (id),
    FOREIGN KEY(piece_id) REFERENCES piece (id)
);
CREATE UNIQUE INDEX routing_round_one_per_piece ON routing_round (piece_id) WHERE state <> 'cancelled';
CREATE INDEX routing_round_by_list ON routing_round (list_id, id);
CREATE INDEX routing_round_by_due ON routing_round (due_on, id) WHERE state = 'under-way';
CREATE TABLE routing_leg (
    round_id UUID NOT NULL,
    position INTEGER NOT NULL,
    patron_ref UUID,
    name TEXT NOT NULL,
    keep_days INTEGER NOT NULL,
    away_from DATE,
    away_until DATE,
    state TEXT NOT NULL,
    got_on DATE,
    due_on DATE,
    leaver BOOLEAN DEFAULT false NOT NULL,
    PRIMARY KEY (round_id, position),
    CONSTRAINT routing_leg_state CHECK (state IN ('waiting', 'here', 'done', 'skipped')),
    FOREIGN KEY(round_id) REFERENCES routing_round (id)
);
CREATE UNIQUE INDEX routing_leg_one_here ON routing_leg (round_id) WHERE state = 'here';
CREATE INDEX routing_leg_by_patron ON routing_leg (patron_ref) WHERE patron_ref IS NOT NULL;
""")
