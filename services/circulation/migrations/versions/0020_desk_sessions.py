"""A patron's visit to a desk."""

from chassis.migrations import script

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Additive; loans and returns by the previous release belong to no session."""
    script("""
CREATE TABLE desk_session (
    id UUID NOT NULL,
    patron_id UUID NOT NULL,
    service_point_id UUID NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    how TEXT,
    PRIMARY KEY (id),
    CONSTRAINT desk_session_ended_somehow CHECK ((ended_at IS NULL) = (how IS NULL)),
    FOREIGN KEY(patron_id) REFERENCES patron (id)
);
CREATE UNIQUE INDEX desk_session_one_open ON desk_session (patron_id, service_point_id) WHERE ended_at IS NULL;
CREATE INDEX desk_session_idle ON desk_session (last_at) WHERE ended_at IS NULL;
CREATE INDEX desk_session_over ON desk_session (ended_at) WHERE ended_at IS NOT NULL;
ALTER TABLE loan ADD COLUMN session_id UUID;
ALTER TABLE loan ADD COLUMN return_session_id UUID;
CREATE INDEX loan_by_session ON loan (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX loan_by_return_session ON loan (return_session_id) WHERE return_session_id IS NOT NULL;
""")
