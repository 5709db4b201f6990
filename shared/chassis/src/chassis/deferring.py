"""Models of the wire are built when they are first used, and what only a terminal needs is left out.

A process imports some thirteen hundred of them, and a validator and a serialiser for each took a quarter of a start;
most are not asked for within a day. Said before anything else that has models is imported, by the programs that start
processes. Tests import without it, so that a model that cannot be built is told there.
"""

import sys
import warnings

from pydantic import BaseModel
from pydantic.warnings import UnsupportedFieldAttributeWarning


def models() -> None:
    """Build no model from now on before it is used; a class that says `defer_build` itself goes its own way.

    The framework hushes what pydantic says of how it declares a body, but only while it declares it.
    """
    BaseModel.model_config["defer_build"] = True
    warnings.filterwarnings("ignore", category=UnsupportedFieldAttributeWarning)


def terminals() -> None:
    """Leave out the command that httpx brings, and with it a library that paints terminals: seventy modules.

    It is asked for by `import httpx` itself, which takes it for not installed (as it may be).
    """
    sys.modules["httpx._main"] = None  # type: ignore[assignment]  # Python's own way to say that there is none
