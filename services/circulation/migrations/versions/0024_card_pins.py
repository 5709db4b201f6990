"""PINs of library cards."""

from chassis.migrations import script

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Additive; the previous release asks for no PIN."""
    script("""
CREATE TABLE card_pin (
    patron_id UUID NOT NULL,
    hash TEXT NOT NULL,
    wrong_guesses INTEGER DEFAULT '0' NOT NULL,
    locked_until TIMESTAMP WITH TIME ZONE,
    set_at TIMESTAMP WITH TIME ZONE NOT NULL,
    set_by TEXT NOT NULL,
    PRIMARY KEY (patron_id),
    CONSTRAINT card_pin_guesses CHECK (wrong_guesses >= 0),
    FOREIGN KEY(patron_id) REFERENCES patron (id)
);
""")
