"""PostgreSQL in the box: a server of our own, kept in one folder, that never outlives its supervisor."""

from carrel.postgres.cluster import Cluster
from carrel.postgres.refusals import (
    AlreadyRunning,
    CannotStart,
    NoBinaries,
    NotACluster,
    PostgresProblem,
    Unreachable,
    WrongVersion,
)

__all__ = [
    "AlreadyRunning",
    "CannotStart",
    "Cluster",
    "NoBinaries",
    "NotACluster",
    "PostgresProblem",
    "Unreachable",
    "WrongVersion",
]
