"""One box as its operator has it: started, killed in every way, started again."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from catalog.marc.generate import generate
from support.box import Box, Library, box_on_its_own, free_port, open_box, until
from support.command import carrel
from support.university import CATALOG, CIRCULATION

pytestmark = pytest.mark.journey

KILLS = int(os.environ.get("CARREL_KILLS", "4"))
"""One of each kind: as many as a suite has time for; for a long run set the variable."""
READERS = 4 if KILLS > 4 else 1
"""In a long run several lend at once, so that processes die in the middle of a rush, too."""
VICTIMS = ("all of it", "carrel.serving", "carrel.background", "postgres")
A_FILE = 500
"""Records of one import."""


@pytest.fixture(scope="module")
def standing() -> Iterator[Box]:
    """A box for tests that find it running and leave it so."""
    with box_on_its_own() as box:
        box.start()
        yield box


@pytest.mark.xdist_group("standing-box")
async def test_a_second_start_on_the_same_data_says_so_on_whatever_port(standing: Box) -> None:
    for port in (standing.port, standing.port + 1):
        second = await asyncio.to_thread(
            carrel, "up", "--no-demo", "--port", str(port), env={"CARREL_DATA": str(standing.data)}
        )

        assert second.refusal == (
            f"Carrel is already running on {standing.data} (process {standing.process.pid})."  # type: ignore[union-attr]
        )
    library = standing.library()
    assert (await library.get("/health/ready"))["status"] == "ready"
    await library.close()


@pytest.mark.xdist_group("standing-box")
async def test_a_taken_port_is_told_in_one_line(standing: Box) -> None:
    other = Box(standing.folder / "other", standing.port)
    other.folder.mkdir()

    with pytest.raises(AssertionError, match=f"Port {standing.port}"):
        await asyncio.to_thread(other.start)


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_what_is_under_way_is_finished_before_it_stops(told: signal.Signals) -> None:
    records = b"".join(made.raw for made in generate(20))
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield records[:100]
        begun.set()
        await go_on.wait()
        yield records[100:]

    async with open_box() as box:
        library = box.library()
        family = box.family()
        upload = asyncio.create_task(
            library.http.post(
                "/v1/imports",
                content=slowly(),
                headers={"Content-Type": "application/marc", "Content-Length": str(len(records))},
            )
        )
        await begun.wait()
        await asyncio.sleep(0.3)

        box.process.send_signal(told)  # type: ignore[union-attr]
        await until(lambda: _says(box, "Stopping"))
        go_on.set()

        assert (await upload).status_code == 202
        assert await asyncio.to_thread(box.process.wait, 40) == 0  # type: ignore[union-attr]
        assert box.words.endswith("Stopped.\n")
        assert await _gone(family)
        await library.close()


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("file", "cannot be used: File exists"),
        ("closed/below", "cannot be used: Permission denied")
        if os.geteuid()
        else ("/proc/carrel", "cannot be used: No such file or directory"),  # nothing else is closed to root
    ],
    ids=["a-file", "nothing-can-be-made-there"],
)
async def test_a_data_folder_that_cannot_be_used_is_named_in_one_line(
    tmp_path: Path, place: str, said: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "closed").mkdir(mode=0o500)

    told = await asyncio.to_thread(
        carrel, "up", "--no-demo", "--port", str(free_port()), env={"CARREL_DATA": str(tmp_path / place)}
    )

    assert said in told.refusal
    assert "\n" not in told.refusal


async def test_nothing_acknowledged_is_lost_whatever_is_killed() -> None:
    async with open_box("--workers", "2") as box:
        await _furnished(box)
        library = box.library()
        kept: list[str] = []

        for victim in ("carrel.serving", "carrel.background", "postgres"):
            kept += await _registered(library, 5)
            box.kill_child(victim)
            kept += await _registered(library, 5)
        await library.close()
        family = box.family()
        box.kill()
        await until(lambda: _gone(family), seconds=15)

        await asyncio.to_thread(box.start)

        library = box.library()
        found = {patron["id"] for patron in (await library.get("/v1/patrons", limit=500))["items"]}
        assert set(kept) == found
        assert (await library.get("/v1/dead-letters"))["dead"] == {
            "catalog": 0,
            "circulation": 0,
            "ill": 0,
            "erm": 0,
        }
        await library.close()


async def test_killed_at_any_moment_while_it_lends_and_imports_it_loses_nothing() -> None:
    chance = random.Random(KILLS)
    async with open_box() as box:
        await _furnished(box)
        desk = _Desk(box, chance)
        await desk.open(items=40)
        stop = asyncio.Event()
        at_work = [
            *(asyncio.create_task(desk.lend_and_take_back(place, stop)) for place in range(READERS)),
            asyncio.create_task(desk.import_more(stop)),
        ]
        for number in range(KILLS):
            await asyncio.sleep(chance.uniform(0.1, 1.2))
            victim = VICTIMS[number % len(VICTIMS)]
            if victim == "all of it":
                family = box.family()
                box.kill()
                await until(lambda family=family: _gone(family), seconds=20)  # type: ignore[misc]
                await asyncio.to_thread(box.start)
            else:
                await until(lambda victim=victim: _killed(box, victim), seconds=20)  # type: ignore[misc]
        stop.set()
        await asyncio.gather(*at_work)
        await desk.close()

        library = box.library()
        await until(lambda: _level(library), seconds=60)
        loans = (await library.get("/v1/loans", open=True, limit=200))["items"]
        imports = [await library.get(f"/v1/imports/{job}") for job in desk.jobs]
        print(f"{KILLS} kills, {desk.answered} loans and returns, {len(imports)} imports")
        assert {loan["item_id"] for loan in loans} == desk.out
        assert {job["state"] for job in imports} == {"finished"}
        assert all(sum(job["counts"].values()) == job["records_read"] == A_FILE for job in imports)
        assert (await library.get("/v1/dead-letters"))["dead"] == {
            "catalog": 0,
            "circulation": 0,
            "ill": 0,
            "erm": 0,
        }
        await until(lambda: _as_many_titles(library, 40 + A_FILE * len(imports)), seconds=30)
        await library.close()


class _Desk:
    """Lends, takes back and imports, and insists until each request is answered for good."""

    def __init__(self, box: Box, chance: random.Random) -> None:
        self.chance, self.library = chance, box.library()
        self.out: set[str] = set()
        self.jobs: list[str] = []
        self.answered = 0
        self.items: list[str] = []
        self.patrons: list[str] = []
        self.point = ""

    async def open(self, *, items: int) -> None:
        made = await self.library.imported(
            b"".join(each.raw for each in generate(items)), create_locations="true"
        )
        assert made["state"] == "finished"
        self.items = [item["id"] for item in (await self.library.get("/v1/items", limit=items))["items"]]
        self.point = (await self.library.get("/v1/service-points"))["items"][0]["id"]
        reader = {"group": "student", "family_name": "Reader"}
        self.patrons = [(await self.library.post("/v1/patrons", reader))["id"] for _ in range(READERS)]
        await until(lambda: _level(self.library), seconds=60)

    async def close(self) -> None:
        await self.library.close()

    async def lend_and_take_back(self, place: int, stop: asyncio.Event) -> None:
        """One of several readers, with items of their own: they find each other in the middle of a rush."""
        while not stop.is_set():
            item = self.chance.choice(self.items[place::READERS])
            told = {"item_id": item, "service_point_id": self.point}
            if item in self.out:
                await self._insist("/v1/returns", json=told)
                self.out.remove(item)
            else:
                await self._insist("/v1/loans", json=told | {"patron_id": self.patrons[place]})
                self.out.add(item)
            self.answered += 1

    async def import_more(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            first = 1000 + A_FILE * len(self.jobs)
            content = b"".join(each.raw for each in generate(A_FILE, first=first))
            job = await self._insist(
                "/v1/imports?create_locations=true",
                content=content,
                headers={"Content-Type": "application/marc"},
            )
            self.jobs.append(job["id"])
            await asyncio.sleep(1)

    async def _insist(self, path: str, *, headers: dict[str, str] | None = None, **told: Any) -> Any:
        key = {"Idempotency-Key": os.urandom(8).hex()}
        while True:
            try:
                answer = await self.library.http.post(
                    path, headers={**(headers or {}), **key}, timeout=10, **told
                )
            except httpx.HTTPError:
                await asyncio.sleep(0.05)
                continue
            if answer.is_success:
                return answer.json()
            assert answer.status_code in (409, 503), answer.text
            assert answer.status_code != 409 or answer.json()["code"] == "in-flight", answer.text
            await asyncio.sleep(0.05)


async def _registered(library: Library, count: int) -> list[str]:
    """Patrons whose registration was acknowledged; each is insisted on with its key."""
    made = []
    for _ in range(count):
        key = os.urandom(8).hex()

        async def once(key: str = key) -> str | None:
            try:
                answer = await library.http.post(
                    "/v1/patrons",
                    json={"group": "student", "family_name": "Reader", "external_id": key},
                    headers={"Idempotency-Key": key},
                    timeout=5,
                )
            except Exception:
                return None
            return answer.json()["id"] if answer.status_code == 201 else None

        made.append(await until(once, seconds=30))
    return made


async def _killed(box: Box, name: str) -> bool:
    """Whether the process was there to be killed: one that died lately may not be back yet."""
    try:
        box.kill_child(name)
    except (AssertionError, psutil.Error):
        return False
    return True


async def _furnished(box: Box) -> None:
    library = box.library()
    await library.put("/v1/configuration/catalog", CATALOG)
    await library.put("/v1/configuration/circulation", CIRCULATION)
    await library.close()


async def _level(library: Library) -> bool:
    """Whether nothing waits: no event, no record to be indexed, no import. (A database come back is waited for.)"""
    told = {}
    for path in (
        "/v1/dead-letters",
        "/v1/search-index",
        "/v1/imports?state=queued",
        "/v1/imports?state=running",
    ):
        answer = await library.http.get(path)
        if answer.status_code == 503:
            return False
        told[path] = answer.json()
    letters, index, *at_work = told.values()
    return not (any(letters["waiting"].values()) or index["waiting"] or any(job["items"] for job in at_work))


async def _as_many_titles(library: Library, wanted: int) -> bool:
    return bool((await library.get("/v1/titles", limit=1))["total"] == wanted)


async def _says(box: Box, words: str) -> bool:
    return words in box.words


async def _gone(family: list[psutil.Process]) -> bool:
    return not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in family)
