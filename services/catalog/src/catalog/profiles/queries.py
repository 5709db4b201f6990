"""Import profiles: those that were written here before those that are shipped."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.profiles.documents import SHIPPED, ProfileDoc
from chassis.problems import NotFound

_ONE = text("SELECT version, document FROM import_profile WHERE code = :code")
_ALL = text("SELECT code, version, document FROM import_profile ORDER BY code")
_VERSION = text("SELECT version FROM import_profile WHERE code = :code FOR UPDATE")
_PROTECTED = text("""
SELECT DISTINCT told.field->>'tag' AS tag
FROM record_specification s, jsonb_array_elements(s.document->'fields') AS told (field)
WHERE s.kind = 'bibliographic' AND (s.on_save <> 'nothing' OR s.code = :code)
    AND (told.field->>'protected')::boolean
ORDER BY tag
""")


class ProfileUnknown(NotFound):
    """There is no such import profile."""

    code, title = "profile-unknown", "There is no such import profile."


def _read(document: Mapping[str, Any]) -> ProfileDoc:
    return ProfileDoc.model_validate(document)


async def find(session: AsyncSession, code: str) -> tuple[int, ProfileDoc] | None:
    """A profile and its version, 0 for one as it was shipped."""
    row = (await session.execute(_ONE, {"code": code})).first()
    if row is not None:
        return row.version, _read(row.document)
    return (0, SHIPPED[code]) if code in SHIPPED else None


async def profile(session: AsyncSession, code: str) -> tuple[int, ProfileDoc]:
    """The same; raises where there is none."""
    found = await find(session, code)
    if found is None:
        raise ProfileUnknown(f"There is no import profile {code}.")
    return found


async def profiles(session: AsyncSession) -> list[tuple[str, int, ProfileDoc]]:
    """All of them, by code."""
    told = {code: (0, doc) for code, doc in SHIPPED.items()}
    told |= {row.code: (row.version, _read(row.document)) for row in await session.execute(_ALL)}
    return [(code, *told[code]) for code in sorted(told)]


async def stored_version(session: AsyncSession, code: str) -> int:
    """The version of what was written here, held from now on; 0 when nothing was."""
    return int(await session.scalar(_VERSION, {"code": code}) or 0)


async def protected_tags(session: AsyncSession, specification: str | None) -> list[str]:
    """Tags of fields that the library keeps whoever imports: those of the specification that records are held
    against when they are saved, and of this one."""
    return [row.tag for row in await session.execute(_PROTECTED, {"code": specification})]
