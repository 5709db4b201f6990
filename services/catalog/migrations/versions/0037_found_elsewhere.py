"""What stands elsewhere for a time, or is lent otherwise, is found by where and by how."""

from chassis.migrations import concurrently

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    """Indexes, built while the previous release writes; they are small: most things are where they belong."""
    for table, column in (
        ("item", "permanent_location_id"),
        ("item", "temporary_location_id"),
        ("item", "temporary_loan_type"),
        ("holdings", "temporary_location_id"),
    ):
        name = f"{table}_{column.removesuffix('_id')}"
        concurrently(name, f"ON {table} ({column}) WHERE {column} IS NOT NULL")
