"""JSON out, fast: for answers that are built by hand rather than from a model."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response


def dumped(told: Any) -> bytes:
    """JSON bytes; UUIDs (asyncpg's own kind too) as text, moments in UTC with a Z."""
    return orjson.dumps(told, default=str, option=orjson.OPT_UTC_Z)


class Json(Response):
    """An answer in JSON."""

    media_type = "application/json"

    def __init__(
        self,
        told: Any,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
    ) -> None:
        super().__init__(dumped(told), status_code, headers, media_type)
