"""What is over is found by when it ends."""

from chassis.migrations import concurrently

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    """Indexes, built while the previous release writes; they are small: most things are where they belong."""
    for table, column in (
        ("item", "temporary_location_ends_at"),
        ("item", "temporary_loan_type_ends_at"),
        ("holdings", "temporary_location_ends_at"),
    ):
        concurrently(f"{table}_{column}", f"ON {table} ({column}) WHERE {column} IS NOT NULL")
