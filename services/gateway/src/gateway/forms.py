"""Small forms that browsers send."""

from typing import Any, Final
from urllib.parse import parse_qsl

from fastapi import Request

from chassis.problems import Malformed, TooLarge

FORM_LIMIT = 64 * 1024
HTML: Final[dict[str, Any]] = {"content": {"text/html": {"schema": {"type": "string"}}}}


async def read_form(request: Request, *, limit: int = FORM_LIMIT) -> dict[str, str]:
    """A small form's fields, each once; read within the limit."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise TooLarge(f"A form may have {limit} bytes here.")
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise Malformed("A form is wanted (application/x-www-form-urlencoded).")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=40, errors="strict")
    except ValueError:
        raise Malformed("The form cannot be read.") from None
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise Malformed("A field stands in the form twice.")
    if any("\0" in told for told in fields.values()):
        raise Malformed("A field holds NUL.")
    return fields
