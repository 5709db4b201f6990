"""The desk's p95 while records are imported, against without, in one run.

    .venv/bin/python bench/while_importing.py [--records 100000 --rate 50]

One box with two serving processes; check-outs and returns at a steady rate, whatever the answers take (open
loop), by 200 patrons with an item each: one patron's loans take turns, and would show each delay many times. The
import is `carrel import` through the front door, with items, events and index behind it; its records are new ones.
"""

import argparse
import asyncio
import itertools
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from catalog.marc.generate import generate
from chassis import garbage
from support.box import Library, open_box, until
from support.university import CATALOG, CIRCULATION


class Desk:
    """Lends item after item, then takes them all back, and remembers how long each answer took."""

    def __init__(self, library: Library, point: str, lent: dict[str, str]) -> None:
        """`lent`: items, and who borrows them."""
        self.library, self.point, self.lent = library, point, lent
        self.turns = itertools.cycle([(item, path) for item in lent for path in ("/v1/loans", "/v1/returns")])
        self.took: list[float] = []
        self.hands = {item: asyncio.Lock() for item in lent}
        """An item is in one hand at a time: what is done with it next waits for the answer before."""

    async def act(self, item: str, path: str) -> None:
        """One check-out or return."""
        body = {"item_id": item, "service_point_id": self.point}
        if path == "/v1/loans":
            body["patron_id"] = self.lent[item]
        async with self.hands[item]:
            began = time.perf_counter()
            await self.library.post(path, body, expect=201 if path == "/v1/loans" else 200)
            self.took.append(time.perf_counter() - began)

    async def work(self, rate: float, stop: asyncio.Event) -> float:
        """At this rate until told to stop; the p95 in milliseconds."""
        self.took = []
        began, acts = time.perf_counter(), []
        for number in itertools.count():
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            if stop.is_set():
                break
            acts.append(asyncio.create_task(self.act(*next(self.turns))))
        await asyncio.gather(*acts)
        return sorted(self.took)[int(len(self.took) * 0.95)] * 1000


async def main(asked: argparse.Namespace) -> dict[str, Any]:
    """Without, and with."""
    async with open_box("--workers", "2") as box:
        library = box.library()
        await library.put("/v1/configuration/catalog", CATALOG)
        await library.put("/v1/configuration/circulation", CIRCULATION)
        first = list(generate(2000, seed=17, first=900_000_000))
        await library.imported(b"".join(one.raw for one in first), profile="standard")
        items = [item["id"] for item in (await library.get("/v1/items", limit=200))["items"]]
        point = (await library.get("/v1/service-points"))["items"][0]["id"]
        patrons = [
            (await library.post("/v1/patrons", {"group": "student", "family_name": f"Reader {number}"}))["id"]
            for number in range(len(items))
        ]

        async def known() -> bool:
            told = await library.http.get(f"/v1/titles/{(await _title(library, items[-1]))}/availability")
            return told.status_code == 200

        await until(known, seconds=60)
        garbage.seldom()  # this client's own looking for it is no delay at the desk
        desk = Desk(library, point, dict(zip(items, patrons, strict=True)))
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(2, stop.set)
        await desk.work(asked.rate, stop)
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(15, stop.set)
        without = await desk.work(asked.rate, stop)

        file = box.folder / "new.mrc"
        file.write_bytes(b"".join(one.raw for one in generate(asked.records, seed=3)))
        stop = asyncio.Event()
        working = asyncio.create_task(desk.work(asked.rate, stop))
        began = time.perf_counter()
        told = ["--profile", "standard", "--url", box.url, "--key", box.key]
        importing = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "carrel.command", "import", str(file), *told),
            stdout=asyncio.subprocess.DEVNULL,
        )
        assert await importing.wait() == 0
        took = time.perf_counter() - began
        stop.set()
        during = await working
        job = (await library.get("/v1/imports", limit=1))["items"][0]
        await library.close()
    return {
        "acts a second": asked.rate,
        "records imported meanwhile": sum(job["counts"].values()),
        "imported in s": took,
        "desk p95 ms without": without,
        "desk p95 ms while importing": during,
        "ratio": during / without,
    }


async def _title(library: Library, item: str) -> str:
    return str((await library.get(f"/v1/items/{item}"))["title_id"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--rate", type=float, default=50)
    for name, value in asyncio.run(main(parser.parse_args())).items():
        print(f"{name:36} {value:.3f}" if isinstance(value, float) else f"{name:36} {value}")
