"""Under which number the index puts a title together with the others of its work."""

from chassis.migrations import script

revision = "0045"
down_revision = "0044"


def upgrade() -> None:
    """Additive. The index is built anew by this release, so nobody is told of what is filled in here."""
    script("""
ALTER TABLE work_title ADD COLUMN eldest bigint;
UPDATE work_title w SET eldest = t.hrid
FROM (SELECT work_id, (array_agg(title_id ORDER BY title_id))[1] AS title_id
      FROM work_title GROUP BY work_id HAVING count(*) > 1) first
JOIN title t ON t.id = first.title_id
WHERE w.work_id = first.work_id;
""")
