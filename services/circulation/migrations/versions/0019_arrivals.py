"""What a scan tells of an item: on its way since when, back on its shelf when, complete, used in the house."""

from chassis.migrations import script

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Additive; what the previous release sends on its way meanwhile is listed with its next scan."""
    script("""
ALTER TABLE item ADD COLUMN pieces INTEGER;
ALTER TABLE item ADD COLUMN pieces_text TEXT;
ALTER TABLE item ADD COLUMN missing_pieces TEXT;
ALTER TABLE item ADD COLUMN transit_from UUID;
ALTER TABLE item ADD COLUMN transit_since TIMESTAMP WITH TIME ZONE;
ALTER TABLE item ADD COLUMN reshelving_until TIMESTAMP WITH TIME ZONE;
UPDATE item SET transit_from = last_seen_by, transit_since = last_seen_at WHERE transit_to IS NOT NULL;
DROP INDEX item_in_transit;
CREATE INDEX item_in_transit ON item (transit_to, transit_since, id) WHERE transit_to IS NOT NULL;
CREATE INDEX item_sent_off ON item (transit_from, transit_since, id) WHERE transit_to IS NOT NULL;
CREATE TABLE in_house_use (
    id UUID NOT NULL,
    item_id UUID NOT NULL,
    title_id UUID NOT NULL,
    service_point_id UUID NOT NULL,
    library TEXT,
    location TEXT,
    material_type TEXT NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX in_house_use_by_item ON in_house_use (item_id, id);
CREATE INDEX in_house_use_by_service_point ON in_house_use (service_point_id, id);
CREATE INDEX in_house_use_by_time ON in_house_use (used_at);
""")
