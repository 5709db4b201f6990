"""What machines ask for by NCIP: done once, and found again by the request's id."""

from chassis.migrations import script

revision = "0044"
down_revision = "0043"


def upgrade() -> None:
    """Additive."""
    script("""
CREATE TABLE ncip_request (
    client TEXT NOT NULL,
    request_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    wish TEXT NOT NULL,
    patron_id UUID NOT NULL,
    hold_id UUID,
    item_id UUID,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (client, request_id),
    CONSTRAINT ncip_request_kind CHECK (kind IN ('request', 'accept'))
);
CREATE INDEX ncip_request_by_patron ON ncip_request (patron_id);
CREATE INDEX ncip_request_by_item ON ncip_request (item_id) WHERE item_id IS NOT NULL;
CREATE TABLE ncip_loan (
    loan_id UUID NOT NULL,
    client TEXT NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (loan_id)
);
""")
