"""From a loan to a right answer elsewhere: batch availability at once, the search's facet within a second.

    .venv/bin/python bench/freshness.py [--rate 20 --seconds 20 --records 3000]

Check-outs at a steady rate, whatever the answers take (open loop), over both transports: the bus in PostgreSQL
(`carrel up`) and RabbitMQ (`carrel cluster`; left out, and said so, where there is no broker). Each loan is
looked for every 25 ms from the moment its answer is there.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from carrel.cluster import distributed
from carrel.installation import Installation
from carrel.rabbitmq import program
from catalog.marc.generate import generate
from support.box import Library, open_box, until
from support.university import CATALOG, CIRCULATION

LOOK_SECONDS = 0.025


async def fill(library: Library, records: int) -> tuple[str, str, list[tuple[str, str, str]]]:
    """Records with their items known to the desk; a service point, a patron, and items of titles that have but one."""
    await library.put("/v1/configuration/catalog", CATALOG)
    await library.put("/v1/configuration/circulation", CIRCULATION)
    made = list(generate(records, seed=17))
    await library.imported(b"".join(one.raw for one in made), profile="standard")
    barcodes = [one.barcodes[0] for one in made if len(one.barcodes) == 1]
    desk = (await library.get("/v1/service-points"))["items"][0]["id"]
    patron = await library.post("/v1/patrons", {"group": "student", "family_name": "Reader"})
    items = []
    for barcode in barcodes[:600]:
        found = (await library.get("/v1/items", barcode=barcode))["items"][0]
        items.append((found["id"], found["title_id"], barcode))

    async def known() -> bool:
        told = await library.anonymous.get(f"/v1/titles/{items[-1][1]}/availability")
        return told.status_code == 200 and (await library.get("/v1/titles", limit=1))["total"] == records

    await until(known, seconds=120)
    return desk, patron["id"], items


async def waited(look: Callable[[], Awaitable[bool]]) -> float:
    """Seconds until a look says yes."""
    began = time.perf_counter()
    while not await look():
        await asyncio.sleep(LOOK_SECONDS)
    return time.perf_counter() - began


async def measure(library: Library, rate: float, seconds: float, records: int) -> dict[str, Any]:
    """One transport."""
    desk, patron, items = await fill(library, records)
    in_availability: list[float] = []
    in_search: list[float] = []

    async def lend(item: str, title: str, barcode: str) -> None:
        await library.post("/v1/loans", {"patron_id": patron, "item_id": item, "service_point_id": desk})

        async def available() -> bool:
            told = await library.anonymous.post("/v1/availability:batch", json={"ids": [title]})
            return bool(told.json()["titles"][0]["available"] == 0)

        async def found() -> bool:
            params = {"query": f"barcode:{barcode}", "filter[availability]": "unavailable", "limit": "1"}
            return bool((await library.anonymous.get("/v1/titles", params=params)).json()["total"] == 1)

        began = time.perf_counter()
        await waited(available)
        in_availability.append(time.perf_counter() - began)
        await waited(found)
        in_search.append(time.perf_counter() - began)

    began = time.perf_counter()
    loans = []
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        loans.append(asyncio.create_task(lend(*items[number])))
    await asyncio.wait_for(asyncio.gather(*loans), 120)
    return {
        "loans": len(loans),
        "availability p95 s": sorted(in_availability)[int(len(loans) * 0.95)],
        "search p50 s": sorted(in_search)[len(loans) // 2],
        "search p95 s": sorted(in_search)[int(len(loans) * 0.95)],
    }


async def main(asked: argparse.Namespace) -> dict[str, Any]:
    """Both transports."""
    results: dict[str, Any] = {}
    async with open_box() as box:
        library = box.library()
        for name, value in (await measure(library, asked.rate, asked.seconds, asked.records)).items():
            results[f"PostgreSQL bus, {name}"] = value
        await library.close()
    if program() is None:
        return results | {"RabbitMQ": "not installed here"}
    folder = Path(tempfile.mkdtemp(prefix="carrel-bench-"))
    folder.chmod(0o755)
    try:
        async with distributed(Installation(folder)) as cluster:
            await cluster.start()
            library = Library(cluster.url, cluster.admin_key)
            for name, value in (await measure(library, asked.rate, asked.seconds, asked.records)).items():
                results[f"RabbitMQ, {name}"] = value
            await library.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--records", type=int, default=3000)
    for name, value in asyncio.run(main(parser.parse_args())).items():
        print(f"{name:36} {value:.3f}" if isinstance(value, float) else f"{name:36} {value}")
