"""A library to break: made-up data, and back to how it began whenever somebody says so.

A folder is a sandbox from its first start or never: what holds a real library cannot become one, so that no word
typed in the wrong window ends it.
"""

import shutil
from typing import Annotated

import typer

from carrel.client import fail
from carrel.installation import Installation
from carrel.postgres import AlreadyRunning
from carrel.postgres.locking import FolderLock

app = typer.Typer(no_args_is_help=True, help="A library to try things on: reset it.")

MARK = "sandbox"
WORDS = "Carrel keeps made-up data in this folder. `carrel sandbox reset` ends all of it.\n"
GOING = "going"
"""What is being deleted stands under this name: a reset that is killed has either not begun, or is as good as done."""


class NoSandbox(Exception):
    """The folder is none; the message says how one is begun."""


def is_one(installation: Installation) -> bool:
    """Whether the folder is a sandbox."""
    return (installation.data / MARK).exists()


def begin(installation: Installation, *, first: bool) -> None:
    """Make a folder that is started for the first time a sandbox; `NoSandbox` for any other that is none."""
    if is_one(installation):
        return
    if not first:
        raise NoSandbox(
            f"{installation.data} holds a library already, and is no sandbox: choose an empty folder."
        )
    (installation.data / MARK).write_text(WORDS)


def reset(installation: Installation) -> None:
    """Take databases, files and index away; the next start begins anew, with the same keys.

    Raises `NoSandbox` for a folder that is none, `AlreadyRunning` while something runs on it.
    """
    if not is_one(installation):
        raise NoSandbox(
            f"{installation.data} is no sandbox, and stays as it is. "
            "`carrel up --sandbox --data FOLDER` begins one in an empty folder."
        )
    going = installation.data / GOING
    shutil.rmtree(going, ignore_errors=True)
    if installation.cluster.exists():
        lock = FolderLock(installation.cluster / "lock")
        lock.take(installation.cluster / "data" / "postmaster.pid")
        try:
            going.mkdir()
            for name in ("demo-load", "demo-logins"):
                (installation.data / name).unlink(missing_ok=True)
            if installation.files.exists():
                installation.files.rename(going / installation.files.name)
            installation.cluster.rename(going / installation.cluster.name)
        finally:
            lock.release()
    shutil.rmtree(going, ignore_errors=True)


@app.command("reset")
def reset_command(
    data: Annotated[str | None, typer.Option("--data", envvar="CARREL_DATA", help="The data folder")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
) -> None:
    """Back to how it began: everything in the folder ends but its keys. It must be stopped."""
    installation = Installation.at(data)
    if is_one(installation) and not yes and not typer.confirm(f"End all data in {installation.data}?"):
        fail("Nothing was changed.")
    try:
        reset(installation)
    except NoSandbox as error:
        fail(str(error))
    except AlreadyRunning as error:
        fail(f"Carrel is running on {installation.data} (process {error.pid}): stop it first.")
    typer.echo(f"{installation.data} is empty; `carrel up --sandbox` fills it anew.")
