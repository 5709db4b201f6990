"""One running box for every test that only talks to it, filled as an operator fills it: by the command."""

from collections.abc import Iterator

import pytest

from support.box import box_on_its_own, free_port
from support.command import Operated, carrel


@pytest.fixture(scope="module")
def operated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    """Bellmark University, running."""
    nowhere = tmp_path_factory.mktemp("nowhere")
    with box_on_its_own("--z3950-port", str(free_port())) as box:
        box.start()
        given = ("--url", box.url, "--key", box.key)
        filled = carrel("demo", "--json", *given, env={"CARREL_DATA": str(nowhere)})
        yield Operated(box, nowhere, filled.json)
