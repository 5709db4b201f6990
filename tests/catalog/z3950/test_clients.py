"""Clients that others have written, and our own for copy cataloguing, search the catalogue by Z39.50."""

import asyncio
import ipaddress
import os
import shutil
import signal
import socket
import sys
import unicodedata
from collections.abc import Callable

import pytest

from catalog.copycat.asking import ask_all
from catalog.copycat.documents import CopySearchIn, TargetDoc
from support.associated import Line, number
from support.shelves import Shelves

pytestmark = pytest.mark.asyncio(loop_scope="module")
YAZ = pytest.mark.skipif(
    shutil.which("zoomsh") is None or shutil.which("yaz-client") is None, reason="needs Debian's yaz"
)


async def run(*command: str, told: str = "") -> str:
    started = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(30):
        out, _ = await started.communicate(told.encode())
    return out.decode("utf-8", "replace")


async def typed(port: int, *lines: str, before: tuple[str, ...] = ()) -> list[str]:
    """What yaz-client says to each line."""
    steps = (*before, f"open 127.0.0.1:{port}/catalog", *lines, "close", "quit")
    said = (await run("yaz-client", told="\n".join(steps) + "\n")).split("Z> ")
    return said[len(before) + 1 :]


SAID = (
    ("find @attr 1=4 xylophone", "Number of hits: 2"),
    ("show 1+1", "245 10 $a Xylophone"),
    ('find @and @attr 1=1003 @attr 4=102 "anna zeller" @attr 1=4 @attr 5=1 xyle', "Number of hits: 1"),
    ('find @attr 1=4 @attr 6=3 "xylophone one"', "Number of hits: 1"),
    ("find @attr 1=9999 x", "[114] Unsupported Use attribute -- v3 addinfo '9999'"),
    ("find @attr 1=1003 zeller", "Number of hits: 3, setno 5"),
    ("sort 1=4 <", "Received SortResponse: status=success"),
    ("show 1+1", "245 10 $a Xylem & <pith>"),
    ("sort+ 1=4 >", "Received SortResponse: status=success"),
    ("show 1+1", "245 10 $a Xylophone one"),
    ("find @and @set 5 @attr 1=4 brontë", "Number of hits: 1"),
    ("find @prox 0 2 0 2 k 2 two xylophone", "Number of hits: 1"),
    ('find @attr 1=1016 @attr 2=103 ""', "Number of hits: 3"),
    ("scan @attr 1=4 xylo", "* xylophone (2)"),
    ("delete 1", "1 status=0"),
    ("querytype cql", ""),
    ("find dc.title=brontë", "Number of hits: 1"),
    ("format opac", ""),
    ("show 1", "localLocation: Main library"),
    ("show 1", "2027-05-01"),
    ("format xml", ""),
    ("elements dc", ""),
    ("show 1", "<dc:title>Xylophone Brontë two</dc:title>"),
    ("elements F", ""),
    ("format sutrs", ""),
    ("show 1", "Held: Main library, Main stacks: 1 of 2 in"),
    ("format grs1", ""),
    ("show 1", "[239] Record syntax not supported"),
)
"""What a cataloguer types, and what is among the lines that come of it."""


@YAZ
async def test_an_independent_client_does_all_that_is_offered_and_is_refused_by_number(port: int) -> None:
    opened, *told = await typed(port, *(each for each, _ in SAID), before=("negcharset utf-8",))

    assert "Connection accepted by v3 target" in opened
    assert "Options: search present delSet scan sort namedResultSets negotiationModel" in opened
    assert "Accepted character set : UTF-8" in opened
    for (line, expected), heard in zip(SAID, told, strict=False):
        assert expected in heard, line


@YAZ
async def test_scripts_of_others_search_and_a_client_that_knows_marc8_alone_reads_its_letters(
    port: int, changed: Callable[..., None]
) -> None:
    zoom = await run(
        "zoomsh",
        "set preferredRecordSyntax usmarc",
        f"connect 127.0.0.1:{port}/catalog",
        "search @attr 1=4 xylophone",
        "show 0 2",
        "search @attr 1=62 x",
        "quit",
    )
    changed(z3950_charset="marc-8")
    _, _, shown, *_ = await typed(port, "find @attr 1=4 two", "show 1", before=("marccharset marc-8",))

    assert "/catalog: 2 hits" in zoom
    assert "Xylophone Brontë two" in zoom
    assert "error: Unsupported Use attribute (Bib-1:114) 62" in zoom
    assert "Xylophone Brontë two" in unicodedata.normalize("NFC", shown)


async def test_our_own_copy_cataloguing_finds_what_is_here(port: int) -> None:
    target = TargetDoc(code="us", name="Ourselves", url=f"z3950://127.0.0.1:{port}/catalog", seconds=5)
    wanted = CopySearchIn(terms={"title": "xylophone", "author": "zeller"}, limit=5)

    (told,) = await ask_all([target], wanted, networks=[ipaddress.ip_network("127.0.0.0/8")], limit=1_000_000)

    assert (told.problem, told.total, told.unreadable) == (None, 2, 0)
    assert {each.get("245", "a") for each in told.records} == {"Xylophone one", "Xylophone Brontë two"}


async def test_the_role_is_a_process_of_its_own_that_ends_when_it_is_told(shelf: Shelves) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "CATALOG_DATABASE_URL": shelf.catalog.dsn,
        "CATALOG_TRANSPORT_URL": "postgresql://nowhere/bus",
        "CATALOG_DATA_DIR": str(shelf.catalog.resources.settings.data_dir),
        "CATALOG_Z3950_PORT": str(port),
    }
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "catalog", "z3950", env=environment, stderr=asyncio.subprocess.PIPE
    )
    try:
        line = await opened(port)
        assert number(await line.found(4, term="xylophone"), 23) == 2
        started.send_signal(signal.SIGTERM)
        goodbye = await line.heard()
        async with asyncio.timeout(20):
            code = await started.wait()
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()

    assert goodbye is not None
    assert number(goodbye, 211) == 1
    assert code == 0


async def opened(port: int) -> Line:
    """Once somebody is there."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await Line.to(port)
            except ConnectionError:
                await asyncio.sleep(0.1)
