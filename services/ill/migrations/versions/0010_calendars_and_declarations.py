"""Partners' time zones, holidays and charges; declarations in their very words."""

from chassis.migrations import script

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Additive; what is declared now is kept."""
    script("""
ALTER TABLE partner ADD COLUMN zone TEXT DEFAULT 'UTC' NOT NULL, ADD COLUMN closings JSONB DEFAULT '[]' NOT NULL,
    ADD COLUMN closed_weekdays INTEGER[] DEFAULT '{5,6}' NOT NULL, ADD COLUMN charges_loan BIGINT,
    ADD COLUMN charges_copy BIGINT, ADD COLUMN charges_currency TEXT;
CREATE TABLE declaration (
    version TEXT NOT NULL,
    text TEXT NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (version)
);
INSERT INTO declaration (version, text, since)
SELECT document #>> '{copyright,declaration,version}', document #>> '{copyright,declaration,text}',
    coalesce(applied_at, now())
FROM configuration WHERE document #>> '{copyright,declaration,version}' IS NOT NULL;
""")
