"""Databases are brought forward while the previous release serves."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

from chassis.migrations import head, migrate

ENV = '''"""Of a test."""
from sqlalchemy import MetaData
from chassis.migrations import run
run(MetaData())
'''
FIRST = '''"""A table."""
from chassis.migrations import script
revision = "0001"
down_revision = None
def upgrade() -> None:
    """Make it."""
    script("CREATE TABLE thing (name TEXT)")
'''
SECOND = '''"""An index."""
from chassis.migrations import concurrently
revision = "0002"
down_revision = "0001"
def upgrade() -> None:
    """Build it."""
    concurrently("thing_name", "ON thing (name)", unique=True)
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "versions").mkdir()
    (tmp_path / "env.py").write_text(ENV)
    (tmp_path / "versions" / "0001_first.py").write_text(FIRST)
    return tmp_path


async def test_an_index_is_built_beside_writers_and_anew_when_it_failed(
    folder: Path, database: Callable[..., Awaitable[str]]
) -> None:
    dsn = await database()
    assert await migrate(folder, dsn)
    (folder / "versions" / "0002_index.py").write_text(SECOND)
    writer = await asyncpg.connect(dsn)
    try:
        await writer.execute("INSERT INTO thing VALUES ('one'), ('one')")

        with pytest.raises(Exception, match="could not create unique index"):
            await migrate(folder, dsn)
        await writer.execute("DELETE FROM thing")
        again = await migrate(folder, dsn)

        valid = await writer.fetchval(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = 'thing_name'::regclass"
        )
    finally:
        await writer.close()
    assert (again, valid, await migrate(folder, dsn)) == (True, True, False)


def test_two_migrations_of_one_number_are_told_apart_before_anything_is_done(folder: Path) -> None:
    (folder / "versions" / "0001_other.py").write_text(FIRST)

    with pytest.raises(ValueError, match="are called 0001"):
        head(folder)
