"""The document in force."""

import asyncpg

from chassis.database import Connection
from erm.configuration.documents import ConfigurationDoc


async def in_force(connection: Connection | asyncpg.Pool) -> ConfigurationDoc:
    """The configuration; a library that has set none has the defaults."""
    told = await connection.fetchval("SELECT document FROM configuration")
    return ConfigurationDoc.model_validate(told or {})
