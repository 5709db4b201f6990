"""What a loan changes of an item, no index names: PostgreSQL then leaves all of them alone (a "HOT" update)."""

import re

from support.harness import Harness

AT_EVERY_LOAN = ("state", "guard", "told", "loan_id", "due_at", "last_seen_at", "last_seen_by")


async def test_no_index_of_items_names_what_every_loan_changes(circulation: Harness) -> None:
    indexes = await circulation.resources.pool.fetch(
        "SELECT indexdef FROM pg_indexes WHERE tablename = 'item' AND schemaname = 'public'"
    )

    named = re.compile(r"\b(" + "|".join(AT_EVERY_LOAN) + r")\b")
    assert indexes
    assert [row["indexdef"] for row in indexes if named.search(row["indexdef"].split(" USING ")[1])] == []
