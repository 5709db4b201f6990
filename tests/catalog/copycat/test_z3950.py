"""Z39.50 as a client: against YAZ's server where that is at hand, and what wrong bytes come to."""

import asyncio
import contextlib
import ipaddress
import shutil
import socket
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.copycat import ber, z3950
from catalog.copycat.asking import ask_all
from catalog.copycat.ber import Element, NotBer, Unfinished
from catalog.copycat.documents import CopySearchIn, TargetDoc
from catalog.copycat.rules import NoAnswer
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


def test_requests_are_what_the_standard_says() -> None:
    element, end = ber.read(z3950.search("Default", {"isbn": "123", "title": "x"}))

    assert (element.kind, element.tag, end) == (
        ber.CONTEXT,
        22,
        len(z3950.search("Default", {"isbn": "123", "title": "x"})),
    )
    query = element.find(21, 1)
    assert query is not None
    assert query.parts[0].content == bytes.fromhex("2a8648ce130301")
    tree = query.find(1)
    assert tree is not None
    terms = [part.find(102, 45) for part in tree.parts[:2]]
    assert [term.content for term in terms if term is not None] == [b"123", b"x"]
    uses = [part.find(102, 44) for part in tree.parts[:2]]
    assert [use.parts[0].parts[1].number for use in uses if use is not None] == [7, 4]


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (Element(ber.CONTEXT, z3950.CLOSE), "hung up"),
        (Element(ber.CONTEXT, 99), "no answer of Z39.50"),
        (
            ber.read(ber.written(ber.CONTEXT, 23, [ber.written(ber.CONTEXT, 23, b"\x05")]))[0],
            "could not search",
        ),
        (
            ber.read(
                ber.written(
                    ber.CONTEXT,
                    23,
                    [
                        ber.written(
                            ber.CONTEXT,
                            130,
                            [
                                ber.written(ber.UNIVERSAL, 6, ber.oid("1.2.840.10003.4.1")),
                                ber.written(ber.UNIVERSAL, 2, ber.integer(114)),
                                ber.written(ber.UNIVERSAL, 26, b"7"),
                            ],
                        )
                    ],
                )
            )[0],
            r"unsupported use attribute \(7\)",
        ),
    ],
    ids=["close", "other", "status", "diagnostic"],
)
def test_what_is_no_result_is_told_as_such(told: Element, why: str) -> None:
    with pytest.raises(NoAnswer, match=why):
        z3950.counted(told)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60))
def test_wrong_bytes_are_wrong_and_nothing_worse(told: bytes) -> None:
    with contextlib.suppress(NotBer):
        _, end = ber.read(told)
        assert 0 < end <= len(told)


@given(st.integers(0, 60_000), st.binary(max_size=300), st.integers(-(2**40), 2**40))
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read_again_and_half_of_it_is_waited_for(
    tag: int, content: bytes, number: int
) -> None:
    whole = ber.written(ber.CONTEXT, tag, [ber.written(ber.UNIVERSAL, 4, content)])

    element, end = ber.read(whole + b"more")

    assert (element.tag, element.parts[0].content, end) == (tag, content, len(whole))
    assert Element(0, 2, ber.integer(number)).number == number
    with pytest.raises(Unfinished):
        ber.read(whole[:-1])


@pytest.mark.parametrize(
    "wrong",
    [
        b"\xa0\x80" * 40,
        b"\x04\x80",
        b"\x04\x85\x01\x01\x01\x01\x01",
        b"\xbf\xff\xff\xff\x7f",
        b"\x30\x02\x04\x09",
    ],
)
def test_ber_that_is_out_of_bounds_is_refused(wrong: bytes) -> None:
    with pytest.raises(NotBer):
        ber.read(wrong)


def test_an_indefinite_length_ends_with_its_sign() -> None:
    element, end = ber.read(b"\x30\x80\x04\x01a\x04\x01b\x00\x00rest")

    assert ([part.content for part in element.parts], element.text, end) == ([b"a", b"b"], "ab", 10)
