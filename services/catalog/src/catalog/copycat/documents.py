"""A server that is searched, as the configuration tells it, and a search."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from catalog.copycat.rules import INDEXES, Term
from chassis.association import is_z3950, judged

Words = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f]+$")]
IndexName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,79}$")]


class TargetDoc(BaseModel):
    """A server that speaks SRU or, at a `z3950://` address, Z39.50."""

    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    name: Words
    url: Annotated[str, Field(min_length=1, max_length=1000)]
    """Where it answers: https to a public address, unless the operator allows its network, or
    `z3950://host:210/DATABASE`."""
    version: Literal["1.1", "1.2", "2.0"] = "1.2"
    record_schema: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^\S+$")] = "marcxml"
    indexes: dict[Term, IndexName] = Field(default_factory=dict)
    """What it calls what is searched for, where that is not what most do."""
    seconds: float = Field(default=10, gt=0, le=20)
    """How long it is waited for."""

    @property
    def key(self) -> str:
        """What identifies it in its section."""
        return self.code

    @property
    def is_z3950(self) -> bool:
        """Whether it speaks Z39.50."""
        return is_z3950(self.url)

    @property
    def judged_url(self) -> str:
        """The address as the guard judges one: a Z39.50 host by the rules for hosts, whatever its port."""
        return judged(self.url)

    def row(self) -> dict[str, Any]:
        """As a statement takes it."""
        return {"code": self.code, "document": self.model_dump_json(exclude={"code"})}

    def index(self) -> dict[Term, str]:
        """Its name for each term."""
        return {name: self.indexes.get(name, usual) for name, usual in INDEXES.items()}


class CopySearchIn(BaseModel):
    """What is looked for, and where: all terms together, or a query in CQL."""

    model_config = ConfigDict(extra="forbid")

    targets: list[Annotated[str, Field(max_length=40)]] = Field(default_factory=list, max_length=20)
    """Codes; none for all."""
    terms: dict[Term, Words] = Field(default_factory=dict)
    cql: Words | None = None
    limit: int = Field(default=10, ge=1, le=50)
    """Records of each server."""

    @model_validator(mode="after")
    def one_way(self) -> Self:
        """Terms or a query."""
        if bool(self.terms) == (self.cql is not None):
            raise ValueError("give either terms or cql")
        return self
