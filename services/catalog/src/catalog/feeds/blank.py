"""A picture of a book that has no cover of its own: OPDS wants one of each (PNG, JPEG or GIF)."""

import functools
import io
from typing import Final

SIZE: Final = (150, 225)
_CLOTH: Final = (74, 93, 112)
_SPINE: Final = (58, 74, 90)
_LABEL: Final = (222, 217, 204)


@functools.cache
def png() -> bytes:
    """It, drawn when it is first asked for."""
    from PIL import Image, ImageDraw

    wide, tall = SIZE
    made = Image.new("RGB", SIZE, _CLOTH)
    pen = ImageDraw.Draw(made)
    pen.rectangle((0, 0, wide // 10, tall), fill=_SPINE)
    pen.rectangle((wide // 4, tall // 5, wide - wide // 8, tall // 5 + tall // 6), fill=_LABEL)
    out = io.BytesIO()
    made.save(out, "PNG", optimize=True)
    return out.getvalue()
