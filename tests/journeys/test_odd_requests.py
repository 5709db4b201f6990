"""Every operation of the merged document is asked odd things: whatever is sent, never a 500."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from support import odd_media
from support.box import open_box
from support.university import CATALOG, CIRCULATION

EXAMPLES = os.environ.get("CARREL_ODD_EXAMPLES", "3")
"""Requests to each operation in the suite's own run; there are more than six hundred operations."""
HOOKS = str(Path(odd_media.__file__).parent)

pytestmark = pytest.mark.journey


async def test_no_operation_answers_500_to_whatever_a_client_sends() -> None:
    async with open_box() as box:
        library = box.library()
        await library.put("/v1/configuration/catalog", CATALOG)
        await library.put("/v1/configuration/circulation", CIRCULATION)
        key = library.key
        await library.close()

        # Made when it is first asked for, which takes longer than schemathesis waits.
        assert (await asyncio.to_thread(httpx.get, f"{box.url}/openapi.json", timeout=60)).status_code == 200
        told = await asyncio.to_thread(
            subprocess.run,
            [
                str(Path(sys.executable).with_name("schemathesis")),
                "run",
                f"{box.url}/openapi.json",
                *("-H", f"Authorization: Bearer {key}", "-H", "Idempotency-Key: odd"),
                *("--checks", "not_a_server_error", "--phases", "fuzzing", "--max-examples", EXAMPLES),
                *("--request-timeout", "20", "--seed", "7", "--no-color", "--generation-allow-x00", "true"),
            ],
            capture_output=True,
            text=True,
            cwd=box.folder,
            env=os.environ | {"SCHEMATHESIS_HOOKS": "odd_media", "PYTHONPATH": HOOKS},
            timeout=300,
        )

    assert told.returncode == 0, told.stdout[-6000:]
    assert "Tested:" in told.stdout
