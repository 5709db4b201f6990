"""Servers that speak Z39.50 are searched: YAZ's, where that is at hand."""

import asyncio
import contextlib
import ipaddress
import shutil
import socket
from collections.abc import AsyncIterator

import pytest

from catalog.copycat.asking import ask_all
from catalog.copycat.documents import CopySearchIn, TargetDoc
from chassis.addresses import Network

HERE: list[Network] = [ipaddress.ip_network("127.0.0.0/8")]
ZTEST = shutil.which("yaz-ztest")


@pytest.fixture
def port() -> int:
    with contextlib.closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        number: int = found.getsockname()[1]
    return number


@pytest.fixture
async def yaz(port: int) -> AsyncIterator[str]:
    """YAZ's test server, which finds as many titles as a number says that is searched for."""
    if ZTEST is None:
        pytest.skip("yaz-ztest is not at hand (Debian: yaz)")
    server = await asyncio.create_subprocess_exec(
        ZTEST, "-S", f"tcp:127.0.0.1:{port}", stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(10):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                await asyncio.sleep(0.02)
        yield f"z3950://127.0.0.1:{port}/Default"
    finally:
        server.terminate()
        await server.wait()


def target(url: str) -> TargetDoc:
    return TargetDoc(code="yaz", name="YAZ", url=url, seconds=5)


async def test_records_of_a_server_that_others_have_written_are_read(yaz: str) -> None:
    wanted = CopySearchIn(terms={"title": "25", "author": "computer"}, limit=22)

    (told,) = await ask_all([target(yaz)], wanted, networks=HERE, limit=1_000_000)

    assert (told.problem, told.total > 0, told.unreadable) == (None, True, 0)
    assert len(told.records) == min(told.total, 22)
    assert all(record.get("245", "a") for record in told.records)


async def test_what_a_server_says_against_it_is_told(yaz: str) -> None:
    (wrong,) = await ask_all(
        [target(yaz.replace("Default", "nowhere"))],
        CopySearchIn(terms={"title": "x"}),
        networks=HERE,
        limit=10_000,
    )
    (cql,) = await ask_all([target(yaz)], CopySearchIn(cql="title = x"), networks=HERE, limit=10_000)
    (long,) = await ask_all([target(yaz)], CopySearchIn(terms={"any": "9"}), networks=HERE, limit=300)

    assert wrong.problem is not None
    assert wrong.problem.startswith("the server says: ")
    assert cql.problem == "not asked: CQL is not spoken in Z39.50, search by terms"
    assert long.problem == "an answer that is too long"


async def test_nobody_within_our_walls_is_called(port: int) -> None:
    for host in ("127.0.0.1", "localhost"):
        (told,) = await ask_all(
            [target(f"z3950://{host}:{port}/x")], CopySearchIn(terms={"any": "x"}), networks=[], limit=1000
        )
        assert told.problem in ("not asked: the address is not public", "no answer: AddressRefused")
