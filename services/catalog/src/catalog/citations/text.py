"""Values on their way out of a record: on one line, and without the punctuation that led to the next one."""

import re
from typing import Final

_END: Final = re.compile(r"[\s,:;/]+$|(?<=[\w)\]]{3})\.$|(?<=[\u3040-\u9fff\uac00-\ud7af])\.$")
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+")


def one_line(text: str | None) -> str:
    """A value on one line, without characters that stand for nothing one can see."""
    return _UNFIT.sub(" ", text or "").strip()


def clean(text: str | None) -> str:
    """The same without the punctuation that led to the next value."""
    return _END.sub("", one_line(text)).strip()


def closed_up(text: str) -> str:
    """An address or identifier without such characters."""
    return _UNFIT.sub("", text)
