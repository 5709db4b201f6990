"""Specifications: those that were written here before those that are shipped."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.specifications.documents import SHIPPED, SpecificationDoc
from chassis.problems import NotFound

_ONE = text("SELECT version, document FROM record_specification WHERE code = :code")
_ALL = text("SELECT code, version, document FROM record_specification ORDER BY code")
_ON_SAVE = text("SELECT document FROM record_specification WHERE kind = :kind AND on_save <> 'nothing'")
_VERSION = text("SELECT version FROM record_specification WHERE code = :code FOR UPDATE")


class SpecificationUnknown(NotFound):
    """There is no such specification."""

    code, title = "specification-unknown", "There is no such specification."


def _read(document: Any) -> SpecificationDoc:
    return SpecificationDoc.model_validate(document)


async def specification(session: AsyncSession, code: str) -> tuple[int, SpecificationDoc]:
    """A specification and its version; 0 for one as it was shipped."""
    row = (await session.execute(_ONE, {"code": code})).first()
    if row is not None:
        return row.version, _read(row.document)
    if code in SHIPPED:
        return 0, SHIPPED[code]
    raise SpecificationUnknown(f"There is no specification {code}.")


async def specifications(session: AsyncSession) -> list[tuple[str, int, SpecificationDoc]]:
    """All of them, by code."""
    told = {code: (0, doc) for code, doc in SHIPPED.items()}
    told |= {row.code: (row.version, _read(row.document)) for row in await session.execute(_ALL)}
    return [(code, *told[code]) for code in sorted(told)]


async def on_save(session: AsyncSession, kind: str) -> SpecificationDoc | None:
    """What records of a kind are held against when they are saved."""
    document = await session.scalar(_ON_SAVE, {"kind": kind})
    return None if document is None else _read(document)


async def stored_version(session: AsyncSession, code: str) -> int:
    """The version of what was written here, held from now on; 0 when nothing was."""
    return int(await session.scalar(_VERSION, {"code": code}) or 0)
