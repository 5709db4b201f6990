"""The first start of a distributed PostgreSQL: roles and databases, each closed to the others."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest

from carrel.postgres import Cluster
from support.postgres import reachable_folder

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "postgres" / "databases.sh"
SERVICES = ("catalog", "circulation", "ill", "erm", "gateway")
PASSWORD = 'it\'s "long" $HOME and random'


def _run_once(server: Cluster) -> None:
    """As the image's entry point runs it."""
    environment = {f"{name.upper()}_PASSWORD": f"{PASSWORD} {name}" for name in SERVICES} | {
        "PATH": f"{server.binaries.bin}:{os.environ['PATH']}",
        "PGHOST": str(server.socket),
        "PGPASSWORD": "postgres",
    }
    subprocess.run(["sh", SCRIPT], env=environment, check=True, capture_output=True, timeout=60)


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    """A server as the image has it: a superuser named postgres, and the script run once."""
    folder = reachable_folder()
    server = await Cluster.start(folder / "pg", fsync=False)
    try:
        if not server.binaries.program("psql").exists():
            pytest.skip("this PostgreSQL has no psql to run the script with")
        connection = await asyncpg.connect(server.dsn("postgres"))
        await connection.execute("CREATE ROLE postgres SUPERUSER LOGIN PASSWORD 'postgres'")
        await connection.close()
        await asyncio.to_thread(_run_once, server)
        yield server
    finally:
        await server.stop("immediate")
        shutil.rmtree(folder)


async def test_a_role_reaches_its_own_database_and_no_other(cluster: Cluster) -> None:
    for name in SERVICES:
        for database in (*(f"carrel_{service}" for service in SERVICES), "postgres", "template1"):
            dsn = (
                f"postgresql://carrel_{name}:{quote(f'{PASSWORD} {name}', safe='')}@/{database}"
                f"?host={cluster.socket}&port=5432"
            )
            if database == f"carrel_{name}":
                connection = await asyncpg.connect(dsn)
                await connection.execute("CREATE TABLE loan (id int)")
                await connection.close()
            else:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await asyncpg.connect(dsn)


async def test_a_role_makes_no_roles_and_no_databases(cluster: Cluster) -> None:
    dsn = (
        f"postgresql://carrel_gateway:{quote(f'{PASSWORD} gateway', safe='')}@/carrel_gateway"
        f"?host={cluster.socket}&port=5432"
    )
    connection = await asyncpg.connect(dsn)
    try:
        for wish in ("CREATE ROLE other", "CREATE DATABASE other", "SET ROLE postgres"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(wish)
    finally:
        await connection.close()
