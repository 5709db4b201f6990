"""What became of a title of the knowledge base is told as it then stands; each event is one version."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from chassis import outbox
from chassis.database import Connection
from contracts.erm import TitleInstanceChanged, TitleInstanceFacts
from erm.instances import queries


async def titles_changed(
    connection: Connection, ids: Sequence[UUID], what: str, now: datetime, *, others: Sequence[UUID] = ()
) -> None:
    """Tell of titles whose rows have their new versions already."""
    told = await queries.titles(connection, ids)
    await outbox.record(
        connection,
        [
            TitleInstanceChanged(
                version=row["version"],
                occurred_at=now,
                title_id=title_id,
                what=what,
                title=TitleInstanceFacts(
                    title_id=title_id,
                    identifiers=queries.names(row),
                    **{
                        name: row[name]
                        for name in TitleInstanceFacts.model_fields
                        if name not in ("title_id", "identifiers")
                    },
                ),
                other_ids=tuple(others),
            )
            for title_id, row in sorted(told.items())
        ],
    )
