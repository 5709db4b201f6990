"""Files are looked through for viruses before they are kept, where there is a scanner."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from chassis.problems import Unavailable
from ill.deliveries.scanning import Infected, scan
from support.desk import codes
from support.harness import Harness
from support.lending import ARTICLE, Make

FILE = b"%PDF-1.7\n" + b"river " * 30_000 + b"\n%%EOF\n"


@dataclass
class Scanner:
    """clamd, played by its manual: INSTREAM takes pieces with their lengths until an empty one."""

    said: bytes = b"stream: OK\0"
    seen: list[bytes] = field(default_factory=list)
    address: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One file."""
        assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
        told = b""
        while size := struct.unpack("!I", await reader.readexactly(4))[0]:
            told += await reader.readexactly(size)
        self.seen.append(told)
        writer.write(self.said)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def scanner(said: bytes = b"stream: OK\0") -> AsyncIterator[Scanner]:
    played = Scanner(said)
    server = await asyncio.start_server(played.serve, "127.0.0.1", 0)
    played.address = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield played


async def test_a_file_goes_through_whole_and_a_clean_one_passes(tmp_path: Path) -> None:
    async with scanner() as played:
        await scan(played.address, FILE, seconds=5)
        assert played.seen == [FILE]
        path = tmp_path / "clamd"
        async with await asyncio.start_unix_server(played.serve, path):
            await scan(f"unix://{path}", b"", seconds=5)
    assert played.seen == [FILE, b""]


@pytest.mark.parametrize("said", [b"INSTREAM size limit exceeded. ERROR\0", b"", b"stream: OK but\0"])
async def test_anything_but_a_clear_answer_is_none(said: bytes) -> None:
    async with scanner(said) as played:
        with pytest.raises(Unavailable):
            await scan(played.address, FILE, seconds=5)


async def test_what_is_found_is_named_and_a_scanner_that_is_away_lets_nothing_pass() -> None:
    async with scanner(b"stream: Eicar-Test-Signature FOUND\0") as played:
        with pytest.raises(Infected, match="Eicar-Test-Signature"):
            await scan(played.address, FILE, seconds=5)
    with pytest.raises(Unavailable):
        await scan(played.address, FILE, seconds=5)


async def test_an_infected_copy_is_not_kept(ill: Harness, make: Make) -> None:
    await make.partner()
    request = await make.request(service="copy", citation=ARTICLE)
    path, headers = f"/v1/ill/requests/{request['id']}/document", {"Content-Type": "application/pdf"}
    settings = ill.resources.settings

    async with scanner(b"stream: Bad FOUND\0") as played:
        ill.resources.settings = settings.model_copy(update={"virus_scanner": played.address})
        infected = await ill.put(path, content=FILE, headers=headers)
    away = await ill.put(path, content=FILE, headers=headers)
    async with scanner() as played:
        ill.resources.settings = settings.model_copy(update={"virus_scanner": played.address})
        clean = await ill.put(path, content=FILE, headers=headers)

    assert (infected.status_code, codes(infected)) == (422, ["document-infected"])
    assert (away.status_code, clean.status_code) == (503, 200)
    assert await ill.resources.pool.fetchval("SELECT count(*) FROM document") == 1
