"""A sandbox goes back to how it began; nothing else ever does."""

from pathlib import Path

import pytest

from carrel import sandbox
from carrel.installation import Installation
from carrel.postgres import AlreadyRunning
from carrel.postgres.locking import FolderLock
from support.command import carrel


def library(folder: Path, *, as_sandbox: bool) -> Installation:
    """A folder in which a library was, and is stopped."""
    here = Installation(folder / "library")
    first = here.prepare()
    if as_sandbox:
        sandbox.begin(here, first=first)
    here.cluster.mkdir()
    (here.cluster / "version").write_text("16")
    (here.files / "upload").write_text("a record")
    here.keep_private("demo-logins", "desk")
    here.secret("admin")
    return here


def held(here: Installation) -> list[str]:
    return sorted(str(file.relative_to(here.data)) for file in here.data.rglob("*") if file.is_file())


def test_a_reset_ends_the_data_and_keeps_the_keys(tmp_path: Path) -> None:
    here = library(tmp_path, as_sandbox=True)

    sandbox.reset(here)

    assert held(here) == ["admin.key", "sandbox"]
    assert here.prepare()  # the next start is a first one
    sandbox.reset(here)  # and nothing to reset is no fault


@pytest.mark.parametrize("typed", [("sandbox", "reset", "--yes"), ("sandbox", "reset")])
def test_what_is_no_sandbox_stays_as_it_is(tmp_path: Path, typed: tuple[str, ...]) -> None:
    here = library(tmp_path, as_sandbox=False)
    before = held(here)

    told = carrel(*typed, env={"CARREL_DATA": str(here.data)})

    assert told.code == 1
    assert "is no sandbox, and stays as it is" in told.err
    assert held(here) == before


def test_a_library_does_not_become_one_later(tmp_path: Path) -> None:
    here = library(tmp_path, as_sandbox=False)

    told = carrel("up", "--sandbox", env={"CARREL_DATA": str(here.data)})

    assert (told.code, "holds a library already" in told.err) == (1, True)
    assert not sandbox.is_one(here)


def test_a_running_one_is_not_pulled_from_under_its_users(tmp_path: Path) -> None:
    here = library(tmp_path, as_sandbox=True)
    lock = FolderLock(here.cluster / "lock")
    lock.take(here.cluster / "postmaster.pid")
    before = held(here)
    try:
        with pytest.raises(AlreadyRunning):
            sandbox.reset(here)
    finally:
        lock.release()

    assert held(here) == before


def test_a_reset_that_was_killed_is_gone_through_again(tmp_path: Path) -> None:
    here = library(tmp_path, as_sandbox=True)
    (here.data / sandbox.GOING).mkdir()
    (here.data / sandbox.GOING / "left").write_text("over")

    sandbox.reset(here)

    assert held(here) == ["admin.key", "sandbox"]
