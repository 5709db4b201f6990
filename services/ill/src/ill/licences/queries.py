"""The licences of what a request asks for."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import asyncpg

from chassis.database import Connection
from ill.licences.rules import Judged, Licence, Way, judged

_LICENCES = "SELECT licence_id, name, terms FROM known_licence WHERE licence_id = ANY ($1::uuid[]) ORDER BY licence_id"


async def licences_of(connection: Connection | asyncpg.Pool, access: Mapping[str, Any]) -> list[Licence]:
    """Of the ways that acquisitions found."""
    ids = [target["licence_id"] for target in access.get("targets", ()) if target["licence_id"]]
    if not ids:
        return []
    rows = await connection.fetch(_LICENCES, list(dict.fromkeys(ids)))
    return [Licence(str(row["licence_id"]), row["name"], row["terms"]) for row in rows]


async def answers(
    connection: Connection | asyncpg.Pool, access: Mapping[str, Any], on: date
) -> dict[str, Judged]:
    """What our licences say of each way, on a day."""
    found = await licences_of(connection, access)
    free = any(target["free"] and target["certain"] for target in access.get("targets", ()))
    return {str(way): judged(found, way, on, free=free) for way in Way}
