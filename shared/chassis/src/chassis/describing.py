"""A service's OpenAPI document: as it was written down with the code (`openapi.json` in its package).

The framework makes one out of the routes: it looks at each twice and builds every model of the wire, seconds of
processor in every process that is asked. `carrel.documents` has it do that once for all, and a test compares what was
written with what the routes say. An app without such a file (a test's own) has its document made when it is first
asked for, once, beside the event loop, where every desk would wait for it.
"""

import asyncio
import threading
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson
from fastapi import FastAPI

_MAKING: Final = threading.Lock()
"""One at a time: whoever asks meanwhile waits for the same document."""


def document_beside(package_file: str) -> Path:
    """Where the document of a package's service is written."""
    return Path(package_file).resolve().parent / "openapi.json"


async def described(app: FastAPI) -> dict[str, Any]:
    """The app's document. Whoever gets it changes nothing in it: the next one gets the same."""
    return await asyncio.to_thread(_told, app)


def _told(app: FastAPI) -> dict[str, Any]:
    written: Path | None = getattr(
        app, "written", None
    )  # any app may stand behind the gateway, not only ours
    with _MAKING:
        return app.openapi() if written is None else _read(written)


@cache
def _read(file: Path) -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads(file.read_bytes())
    return document
