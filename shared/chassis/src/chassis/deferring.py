"""Models of the wire are built when they are first used.

A process imports some six hundred of them, and a validator and a serialiser for each took a quarter of a start; most
are not asked for within a day. Said before anything else that has models is imported, by the programs that start
processes. Tests import without it, so that a model that cannot be built is told there.
"""

import warnings

from pydantic import BaseModel
from pydantic.warnings import UnsupportedFieldAttributeWarning


def models() -> None:
    """Build no model from now on before it is used; a class that says `defer_build` itself goes its own way.

    The framework hushes what pydantic says of how it declares a body, but only while it declares it.
    """
    BaseModel.model_config["defer_build"] = True
    warnings.filterwarnings("ignore", category=UnsupportedFieldAttributeWarning)
