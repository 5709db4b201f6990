"""Catalogues that only speak Z39.50: suppliers are found in them, and whether copies are in."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from ill.lookups import z3950
from ill.lookups.worker import look_up
from support.desk import codes
from support.harness import Harness
from support.lending import BOOK, NOW, Make
from support.otherlibrary import World
from support.sources import Sources
from support.z3950 import Catalogue, Played, holding, marc, played

WORK = Sources("")


@pytest.fixture
async def net() -> AsyncIterator[Played]:
    """A server on loopback."""
    async with played() as server:
        yield server


async def index(make: Make, url: str, **more: Any) -> Any:
    return await make.configure(lookups={"index": {"url": url} | more})


def holds(number: str, *fields: str, holdings: tuple[bytes, ...] = ()) -> Catalogue:
    return Catalogue([(marc(number, *fields), holdings)])


@pytest.mark.parametrize(
    ("citation", "asked"),
    [
        ({"isbn": "978-0-306-40615-7", "title": "x"}, ("isbn", {7: "9780306406157"})),
        ({"eissn": "0378-5955"}, ("issn", {8: "03785955"})),
        ({"record_id": "b1", "isbn": "x"}, ("record_id", {12: "b1"})),
        ({"title": "Rivers\n of", "author": "Okafor"}, ("title", {4: "Rivers of", 1003: "Okafor"})),
        ({"oclc": "1", "title": "Rivers"}, ("title", {4: "Rivers"})),
        ({"doi": "10.1/x"}, None),
    ],
)
def test_a_title_is_searched_by_its_surest_number(citation: dict[str, str], asked: Any) -> None:
    attributes = {"record_id": 12, "isbn": 7, "issn": 8, "title": 4, "author": 1003}

    assert z3950.question(citation, attributes) == asked


async def test_suppliers_are_found_in_a_union_catalogue_that_speaks_z3950_alone(
    ill: Harness, world: World, make: Make, net: Played
) -> None:
    await world.other("XX-ONE", rank=1)
    two = await world.other("XX-TWO", rank=2)
    net.databases["union"] = holds("u7", "852 aXX-TWO bMain hQB", "852 aXX-NOBODY")
    assert (await index(make, net.url("union"))).status_code == 200
    request = await make.request()

    await WORK.work(ill)
    await world.deliver()

    assert (request["state"], (await make.now(request))["state"]) == ("looking-for-suppliers", "sent")
    assert net.asked == [("union", {7: "9780306406157"}, "marc21")]
    assert two.last["bibliographicInfo"]["supplierUniqueRecordId"] == "u7"
    assert await make.rota(request) == [("XX-ONE", "skipped", "not-in-index"), ("XX-TWO", "active", None)]


async def test_whether_a_copy_is_in_is_told_by_the_opac_record_or_by_fields_that_a_mapping_names(
    ill: Harness, world: World, make: Make, net: Played
) -> None:
    net.databases["out"] = holds("b1", holdings=(holding("Main", False, False),))
    net.databases["rare"] = holds("b2", holdings=(holding("Rare", True), holding("Main", False)))
    net.databases["lost"] = holds("b3", "852 bMain", "876 jLost", "876 jOn loan")
    net.databases["none"] = Catalogue([])
    net.databases["in"] = holds("b4", "852 bMain", "876 jLost", "876 jAvailable")
    opac = {"catalogue_schema": "opac", "policies": [{"location": "Rare", "lends": "nothing"}]}
    copies = {"status": "876$j", "is_in": ["available"], "is_out": ["*"]}
    await world.other("XX-OUT", rank=1, catalogue_url=net.url("out"), **opac)
    await world.other("XX-RARE", rank=2, catalogue_url=net.url("rare"), **opac)
    await world.other("XX-LOST", rank=3, catalogue_url=net.url("lost"), catalogue_copies=copies)
    await world.other("XX-NONE", rank=4, catalogue_url=net.url("none"), catalogue_attributes={"isbn": 1007})
    await world.other("XX-IN", rank=5, catalogue_url=net.url("in"), catalogue_copies=copies)
    request = await make.request()

    await WORK.work(ill)

    assert await make.rota(request) == [
        ("XX-OUT", "skipped", "not-available"),
        ("XX-RARE", "skipped", "not-available"),
        ("XX-LOST", "skipped", "not-available"),
        ("XX-NONE", "skipped", "not-found-there"),
        ("XX-IN", "active", None),
    ]
    assert [(where, syntax) for where, _, syntax in net.asked][:3] == [
        ("out", "opac"),
        ("rare", "opac"),
        ("lost", "marc21"),
    ]
    assert net.asked[3][1] == {1007: "9780306406157"}


async def test_a_server_that_hangs_holds_up_no_other_and_its_request_goes_on(
    ill: Harness, world: World, make: Make, net: Played
) -> None:
    await world.other("XX-ONE", rank=1, catalogue_url=net.url("slow"))
    await world.other("XX-TWO", rank=2, catalogue_url=net.url("fast").replace("127.0.0.1", "127.0.0.2"))
    net.databases["slow"] = Catalogue([], slow=30)
    net.databases["fast"] = holds("b1")
    slow = [await make.request(citation={"title": f"Volume {number}"}) for number in range(20)]
    await make.configure(routing={"routes": [{"code": "all", "partners": [{"symbol": "XX-TWO"}]}]})
    fast = await make.request()

    stop = asyncio.Event()
    working = asyncio.create_task(look_up(ill.resources, stop))
    async with asyncio.timeout(5):
        while (await make.now(fast))["state"] != "sent":  # noqa: ASYNC110 - the worker tells nobody
            await asyncio.sleep(0.05)
    waiting = await make.now(slow[0])
    stop.set()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)

    assert waiting["state"] == "checking-supplier"


async def test_a_server_that_is_none_is_asked_again_and_then_the_request_goes_on(
    ill: Harness, world: World, make: Make, net: Played
) -> None:
    await world.other("XX-ONE")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    await index(make, f"z3950://127.0.0.1:{port}/x")
    request = await make.request()
    await WORK.work(ill)
    ill.at(NOW + timedelta(minutes=1))
    await WORK.work(ill)

    error = await ill.resources.pool.fetchval("SELECT error FROM lookup")
    assert ((await make.now(request))["state"], error) == ("sent", "no answer: ConnectionRefusedError")


async def test_catalogues_within_our_own_walls_are_not_taken_and_mappings_say_what_they_can(
    make: Make,
) -> None:
    inside = await index(make, "z3950://10.0.0.1:210/x")
    body = {"name": "X", "symbol": "X", "catalogue_url": "z3950://catalogue.local:210/x"}
    partner = await make.ill.post("/v1/ill/partners", json=body)
    wrong: list[dict[str, Any]] = [
        {"catalogue_copies": {"status": "876j"}},
        {"catalogue_copies": {"status": "876$j", "shelving_location": "876$c"}},
        {"catalogue_copies": {"status": "876$j", "is_in": ["x"], "is_out": ["X"]}},
        {"catalogue_attributes": {"colour": 7}},
        {"catalogue_attributes": {"isbn": 0}},
    ]

    assert (inside.status_code, codes(inside)) == (422, ["address-literal"])
    assert (partner.status_code, codes(partner)) == (422, ["host-not-public"])
    for one in wrong:
        told = {"name": "X", "symbol": "X"} | one
        assert (await make.ill.post("/v1/ill/partners", json=told)).status_code == 422, one


@pytest.mark.skipif(shutil.which("yaz-ztest") is None, reason="needs Debian's yaz")
async def test_an_independent_server_of_z3950_is_understood(ill: Harness, world: World, make: Make) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = await asyncio.create_subprocess_exec("yaz-ztest", "-S", "-v", "none", f"tcp:127.0.0.1:{port}")
    url = f"z3950://127.0.0.1:{port}/Default"
    try:
        for _ in range(200):
            try:
                (await asyncio.open_connection("127.0.0.1", port))[1].close()
                break
            except OSError:
                await asyncio.sleep(0.02)
        await world.other("XX-ONE", rank=1)
        await world.other("DLC", rank=2, catalogue_url=url, catalogue_schema="opac")
        await index(make, url, holders=["040$a"])
        request = await make.request(citation={"title": "computer"} | {"author": BOOK["author"]})
        await WORK.work(ill)
    finally:
        server.terminate()
        await server.wait()

    assert await make.rota(request) == [("XX-ONE", "skipped", "not-in-index"), ("DLC", "active", None)]
    told = await ill.resources.pool.fetchval("SELECT outcome FROM lookup WHERE kind = 'availability'")
    assert any(copy[2] is not None for hit in told["hits"] for copy in hit["copies"])
