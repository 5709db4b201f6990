"""Pictures drawn anew: what a file holds beside its picture (EXIF, profiles, comments, other files) stays behind."""

import io
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL import Image

MOST_BYTES: Final = 5_000_000
MOST_PIXELS: Final = 25_000_000
"""Beyond that a small file may be large enough to fill the memory."""
LEAST_SIDE: Final = 40
LARGE: Final = 1_000
"""Pixels of the longer side."""
SMALL: Final = 200
QUALITY: Final = 82
_ONE_AT_A_TIME: Final = threading.Lock()
"""A picture of that size takes a hundred megabytes while it is read."""
SIGNS: Final = {"JPEG": b"\xff\xd8\xff", "PNG": b"\x89PNG\r\n\x1a\n", "WEBP": b"RIFF"}


class Unfit(ValueError):
    """This is no picture that can be taken: a code, and words."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


@dataclass(frozen=True, slots=True)
class Drawn:
    """A cover and its thumbnail, as JPEG."""

    image: bytes
    thumbnail: bytes
    width: int
    height: int


def kind_of(body: bytes) -> str | None:
    """What a file is by its first bytes, whatever it is called; None where it is neither JPEG, PNG nor WebP."""
    for kind, sign in SIGNS.items():
        if body.startswith(sign) and (kind != "WEBP" or body[8:12] == b"WEBP"):
            return kind
    return None


def drawn(body: bytes) -> Drawn:
    """The picture within bounds, upright, on white; `Unfit` for what is none. Costs CPU."""
    from PIL import Image, ImageOps  # read when the first picture comes

    kind = kind_of(body)
    if kind is None:
        raise Unfit("picture-unknown", "It is neither JPEG, PNG nor WebP.")
    try:
        with _ONE_AT_A_TIME, Image.open(io.BytesIO(body), formats=[kind]) as opened:
            wide, tall = opened.size
            if wide * tall > MOST_PIXELS:
                raise Unfit("picture-too-large", f"It has {wide} by {tall} pixels; {MOST_PIXELS} are taken.")
            if min(wide, tall) < LEAST_SIDE:
                raise Unfit(
                    "picture-too-small", f"A side has {min(wide, tall)} pixels; it needs {LEAST_SIDE}."
                )
            opened.draft("RGB", (2 * LARGE, 2 * LARGE))
            opened.load()
            upright = ImageOps.exif_transpose(opened).convert("RGBA")
    except Unfit:
        raise
    except Exception as error:  # a damaged file fails in as many ways as there are decoders
        raise Unfit("picture-damaged", "The picture cannot be read to its end.") from error
    white = Image.new("RGB", upright.size, "white")
    white.paste(upright, mask=upright.getchannel("A"))
    white.thumbnail((LARGE, LARGE), Image.Resampling.LANCZOS)
    small = white.copy()
    small.thumbnail((SMALL, SMALL), Image.Resampling.LANCZOS)
    return Drawn(_jpeg(white), _jpeg(small), *white.size)


def _jpeg(picture: "Image.Image") -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    return out.getvalue()


def external(pattern: str | None, isbns: Sequence[str]) -> str | None:
    """Where another house shows the cover: the library's pattern with the first ISBN; None without either."""
    found = next(
        (digits for each in isbns if (digits := each.replace("-", "")).isalnum() and digits.isascii()), None
    )
    return pattern.replace("{isbn}", found) if pattern and found else None
