"""What the entries of the configuration are made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
MinorUnits = Annotated[int, Field(ge=0, le=1_000_000_000)]


class Strict(BaseModel):
    """What is misspelt is refused."""

    model_config = ConfigDict(extra="forbid")
