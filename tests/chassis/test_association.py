"""A server that others have written answers in the record syntax of holdings; nobody within our walls is called."""

import asyncio
import contextlib
import ipaddress
import shutil
import socket
from collections.abc import AsyncIterator

import pytest

from chassis.association import associated, is_z3950, judged
from chassis.guard import Guard
from contracts.z3950 import ber, client, opac
from contracts.z3950.client import NoAnswer

HERE = Guard([ipaddress.ip_network("127.0.0.0/8")])


@pytest.fixture
async def yaz() -> AsyncIterator[int]:
    """YAZ's test server; its port."""
    if shutil.which("yaz-ztest") is None:
        pytest.skip("yaz-ztest is not at hand (Debian: yaz)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    server = await asyncio.create_subprocess_exec("yaz-ztest", "-S", "-v", "none", f"tcp:127.0.0.1:{port}")
    try:
        async with asyncio.timeout(10):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                await asyncio.sleep(0.02)
        yield port
    finally:
        server.terminate()
        await server.wait()


async def test_holdings_of_a_server_that_others_have_written_are_read(yaz: int) -> None:
    async with associated(HERE, "127.0.0.1", yaz, 1_000_000) as server:
        total = client.counted(await server.ask(client.search("Default", {"title": "computer"})))
        found = await server.records(2, client.OPAC)

    records = [opac.read(told) for told in found.opac]
    assert (total > 2, len(records), found.unreadable) == (True, 2, 0)
    assert all(record.marc and record.marc[:5].isdigit() for record in records)
    assert any(holding.available is not None for record in records for holding in record.holdings)


async def served(answer: bytes) -> asyncio.Server:
    """A server that says the same to whatever it is asked."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while await reader.read(65_536):
                for at in range(0, len(answer), 7):
                    writer.write(answer[at : at + 7])
                    await writer.drain()
                if not answer:
                    break
        writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", 0)


TAKEN = ber.written(ber.CONTEXT, client.INIT_RESPONSE, [ber.written(ber.CONTEXT, 12, b"\xff")])
REFUSED = ber.written(ber.CONTEXT, client.INIT_RESPONSE, [ber.written(ber.CONTEXT, 12, b"\x00")])


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "hung up"),
        (REFUSED, "does not take us"),
        (b"\xbf\x15\x84\x7f\xff\xff\xff" + b"x" * 3000, "too long"),
        (TAKEN, "no answer of Z39.50"),
    ],
    ids=["silence", "refused", "endless", "always the same"],
)
async def test_what_is_no_server_of_ours_is_told_as_such(answer: bytes, why: str) -> None:
    server = await served(answer)
    port = server.sockets[0].getsockname()[1]
    try:
        with pytest.raises((NoAnswer, ber.NotBer), match=why):
            async with asyncio.timeout(5), associated(HERE, "127.0.0.1", port, 2000) as found:
                client.counted(await found.ask(client.search("x", {"any": "x"})))
    finally:
        server.close()


async def test_nobody_within_our_walls_is_called() -> None:
    with pytest.raises(NoAnswer, match="not public"):
        async with associated(Guard(), "127.0.0.1", 210, 100):
            pass
    with pytest.raises(OSError, match="not public"):
        async with associated(Guard(), "localhost", 210, 100):
            pass


def test_an_address_is_judged_by_its_host_whatever_the_port() -> None:
    assert is_z3950("Z3950://a.example:210/DB")
    assert judged("z3950://a.example:210/DB") == "https://a.example"
    assert judged("https://a.example:99/") == "https://a.example:99/"
