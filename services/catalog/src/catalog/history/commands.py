"""Find out what stood in an earlier version, as a change of what stands now."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.history import queries
from catalog.history.rules import as_changes, known
from catalog.history.statements import Entity
from catalog.items.rules import gone
from chassis.problems import Invalid, NotFound, Reason


class FactsUnknown(NotFound):
    """It is not known what stood there in this version."""

    code, title = "facts-unknown", "It is not known what stood there in this version."


async def as_it_was(
    session: AsyncSession,
    entity: Entity,
    id_: UUID,
    version: int,
    *,
    kind: type[BaseModel],
    now: Mapping[str, Any] | None = None,
    moment: datetime,
) -> dict[str, Any]:
    """The change that restores a version, read by the model of such changes; what counted for a time that is over by
    this moment stays over. Raises `FactsUnknown`, and `Invalid` with everything that was right once and is not any
    more."""
    if not known(version, await queries.versions(session, entity, id_)):
        raise FactsUnknown(
            reasons=[
                Reason(
                    "facts-unknown",
                    f"Of version {version} nothing is kept: changes are, since there is a history.",
                    "/version",
                    "Name a version that the history tells, or the one before its first.",
                )
            ]
        )
    told = as_changes(await queries.earlier(session, entity, id_, version), now or {})
    try:
        change = kind.model_validate(told).model_dump(exclude_unset=True)
    except ValidationError as error:
        raise Invalid(
            reasons=[
                Reason("not-restorable", each["msg"][:300], "/".join(["", *map(str, each["loc"])]))
                for each in error.errors()
            ]
        ) from error
    return change | gone(change, now=moment)
