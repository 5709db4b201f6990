"""A service's OpenAPI document: made when it is first asked for, once, beside the event loop.

Making one takes seconds of processor; on the loop, every desk would wait for whoever opened the API page.
"""

import asyncio
import threading
from typing import Any, Final

from fastapi import FastAPI

_MAKING: Final = threading.Lock()
"""One at a time: whoever asks meanwhile waits for the same document."""


async def described(app: FastAPI) -> dict[str, Any]:
    """The app's document."""
    return await asyncio.to_thread(_made, app)


def _made(app: FastAPI) -> dict[str, Any]:
    with _MAKING:
        return app.openapi()
