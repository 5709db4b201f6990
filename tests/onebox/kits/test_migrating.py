"""A migration from beginning to end against the two services: told what is missing, stopped, gone on with, compared."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from carrel.demo import place, policies
from carrel.kits.running import NotReady, Report, Run
from carrel.kits.sample import write_sample
from catalog.app import SERVICE as CATALOG
from catalog.imports.worker import work_once as import_once
from circulation.app import SERVICE as CIRCULATION
from circulation.loading.worker import work_once as load_once
from contracts.circulation import LoanCreated
from gateway.routing.table import Table
from support.harness import Harness, migrated, running
from support.invariants import Watch, fingerprint
from support.whole import Library

TABLE = Table()


class Stopped(BaseException):
    """The process was killed."""


@dataclass
class Doors:
    """The gateway's way to the services, from the thread in which a command runs."""

    library: Library
    loop: asyncio.AbstractEventLoop
    writes: list[str] = field(default_factory=list)
    stop_after: int | None = None
    """Killed at the next write, when there were so many."""

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        route = TABLE.find(path)
        assert route is not None, path
        if method != "GET" and "lookups" not in path:
            if self.stop_after is not None and len(self.writes) >= self.stop_after:
                raise Stopped
            self.writes.append(path)
        headers = {"Idempotency-Key": str(uuid4()), **more.pop("headers", {})}
        client = self.library.services[route.service].client
        asked = client.request(method, path, headers=headers, **more)
        answer = asyncio.run_coroutine_threadsafe(asked, self.loop).result()
        assert answer.is_success, answer.text
        return answer.json()

    def get(self, path: str, *, patience: float = 0.0, **params: Any) -> Any:
        return self._ask("GET", path, params={k: v for k, v in params.items() if v is not None})

    def post(self, path: str, told: Any) -> Any:
        return self._ask("POST", path, json=told)

    def put(self, path: str, told: Any, *, if_match: str | None = None, **params: Any) -> Any:
        return self._ask("PUT", path, json=told, headers={"If-Match": if_match} if if_match else {})

    def send_file(self, path: str, file: Path, media_type: str, **params: Any) -> Any:
        return self._ask(
            "POST", path, content=file.read_bytes(), params=params, headers={"Content-Type": media_type}
        )

    def pause(self, seconds: float) -> None:
        """Time for whoever works in the background."""
        asyncio.run_coroutine_threadsafe(self.work(), self.loop).result()

    async def work(self) -> None:
        """What the workers, the relay and the consumers do."""
        while await import_once(self.library.services["catalog"].resources, asyncio.Event()):
            pass
        while await load_once(self.library.services["circulation"].resources):
            pass
        await self.library.settle()

    async def run(self, kit: str, folder: Path, **more: Any) -> tuple[Report, list[str]]:
        """The command."""
        said: list[str] = []
        run = Run(kit, folder, self, say=said.append, pause=self.pause, **more)
        return await asyncio.to_thread(run.report), said


async def _catalog(dsn: str) -> None:
    await migrated(CATALOG, dsn)
    async with running(CATALOG, dsn) as harness:
        answer = await harness.put("/v1/configuration/catalog", json=place.places())
        assert answer.status_code == 200, answer.text


async def _circulation(dsn: str) -> None:
    await migrated(CIRCULATION, dsn)
    async with running(CIRCULATION, dsn) as harness:
        told = policies.configuration(datetime.now(UTC).year)
        answer = await harness.put("/v1/configuration/circulation", json=told)
        assert answer.status_code == 200, answer.text


@pytest.fixture
async def doors(database: Callable[..., Awaitable[str]], tmp_path: Path) -> AsyncIterator[Doors]:
    """An empty university with the demo's places and rules."""
    async with AsyncExitStack() as stack:
        settings = {"data_dir": tmp_path / "files", "import_niceness": 0}
        (tmp_path / "files").mkdir()
        catalog = await stack.enter_async_context(
            running(CATALOG, await database("catalog_of_demo", _catalog), settings=settings)
        )
        circulation = await stack.enter_async_context(
            running(CIRCULATION, await database("circulation_of_demo", _circulation))
        )
        services: dict[str, Harness] = {"catalog": catalog, "circulation": circulation}
        found = Doors(Library(None, services), asyncio.get_running_loop())  # type: ignore[arg-type]  # no front
        await found.library.settle()
        yield found


def refused(report: Report) -> list[tuple[str, str]]:
    return [(row.kind, row.code) for account in report.accounts for row in account.differences]


def numbers(report: Report) -> dict[str, tuple[int, int, int]]:
    return {each.kind: (each.exported, each.refused, each.loaded) for each in report.accounts}


async def test_a_library_moves_in_though_it_is_stopped_between_any_two_slices(
    doors: Doors, tmp_path: Path
) -> None:
    folder = tmp_path / "export"
    write_sample("koha", folder)
    circulation = doors.library.services["circulation"]

    dry, _ = await doors.run("koha", folder, dry_run=True)
    assert dry.handed_over == {"title": 40, "item": 60, "patron": 30, "loan": 15, "hold": 8, "fee": 9}
    assert doors.writes == []

    stopped = 0
    while stopped < 10:
        doors.stop_after = min(stopped, 1)
        doors.writes.clear()
        try:
            report, _ = await doors.run("koha", folder, resume=True)
        except Stopped:
            await doors.work()
            stopped += 1
        else:
            break

    assert stopped == 7, "before all that is written: the profile, the import, the load and four slices"
    assert numbers(report) == {
        "title": (40, 0, 40),
        "item": (60, 0, 60),
        "patron": (30, 0, 30),
        "loan": (15, 1, 14),
        "hold": (8, 1, 7),
        "fee": (9, 0, 9),
    }
    assert {each.kind: each.level for each in report.accounts} == {
        "title": True,
        "item": True,
        "patron": True,
        "loan": False,
        "hold": False,
        "fee": True,
    }
    assert refused(report) == [("loan", "patron-unknown"), ("hold", "patron-unknown")]
    euros = {"exported": 12750, "exported_remaining": 12375, "loaded": 12750, "loaded_remaining": 12375}
    assert report.accounts[-1].money == {"EUR": euros}
    assert len(await circulation.announced(LoanCreated)) == 14
    await Watch(circulation).check()
    outcomes = (folder / "carrel-migration" / "outcomes.csv").read_text().splitlines()
    assert [line.split(",")[:3] for line in outcomes[1:]] == [
        ["loan", "15", "patron-unknown"],
        ["hold", "8", "patron-unknown"],
        ["item", "1012", "barcode-repeated"],
    ]

    before = {name: await fingerprint(service) for name, service in doors.library.services.items()}
    doors.stop_after = None
    again, _ = await doors.run("koha", folder)
    await doors.library.settle()
    after = {name: await fingerprint(service) for name, service in doors.library.services.items()}
    assert numbers(again) == numbers(report)
    kept = {
        "idempotency",
        "outbox",
        "inbox",
        "import_job",
        "import_outcome",
        "patron_load",
        "patron_load_line",
    }
    kept.add("hold_queue")  # a hold that is refused again was looked at under its queue's lock
    for name in before:
        changed = {table for table in before[name] if before[name][table] != after[name][table]}
        assert changed <= kept, changed

    loan = circulation.resources.pool
    await loan.execute(
        "UPDATE loan SET renewals = renewals + 1 WHERE id = (SELECT record_id FROM migrated_record "
        "WHERE kind = 'loan' AND legacy_id = '3')"
    )
    told, _ = await doors.run("koha", folder, resume=True)
    differing = [row for row in told.accounts[3].differences if row.code == "differs"]
    assert [(row.legacy_id, row.text) for row in differing] == [("3", "renewals is 4 here, 3 in the export.")]


async def test_everything_that_is_not_ready_is_told_before_anything_is_written(
    doors: Doors, tmp_path: Path
) -> None:
    write_sample("alma", tmp_path)
    mapping = json.loads((tmp_path / "mapping.json").read_text())
    del mapping["patron_groups"]["30"], mapping["places"]["MAIN/law"]
    mapping["fee_types"]["Overdue fine"] = "late"
    mapping |= {"load_profile": "nightly", "currency": "USD", "zone": None}
    (tmp_path / "mapping.json").write_text(json.dumps(mapping))

    with pytest.raises(NotReady) as told:
        await doors.run("alma", tmp_path)

    assert [reason.split(" (")[0] for reason in told.value.reasons] == [
        "zone is not said: that of times without one, as Europe/Berlin.",
        "places 'MAIN/law'",
        "patron_groups '30'",
        "fee_types 'Overdue fine'",
        "load_profile 'nightly' is not configured for circulation",
        "The library keeps its accounts in EUR, not USD.",
    ]
    assert [reason.rpartition(" is ")[2] for reason in told.value.reasons[1:3]] == ["not mapped."] * 2
    assert doors.writes == []
    drafted = json.loads((tmp_path / "mapping.json").read_text())
    assert (drafted["patron_groups"]["30"], drafted["places"]["MAIN/law"]) == (None, None)

    (tmp_path / "mapping.json").write_text('{"source": "Not a code", "colour": "red"}')
    with pytest.raises(NotReady) as wrong:
        await doors.run("alma", tmp_path)
    assert [reason.split(":")[0] for reason in wrong.value.reasons] == ["/source", "/colour"]
