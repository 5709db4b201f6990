"""What an SRU client may ask, in each version, and the diagnostic for what it may not. No I/O."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from catalog.cql.parsing import CqlProblem

Version = Literal["1.1", "1.2", "2.0"]
Operation = Literal["explain", "searchRetrieve", "scan"]

DEFAULT_RECORDS: Final = 10
MOST_RECORDS: Final = 100
DEFAULT_TERMS: Final = 20
MOST_TERMS: Final = 100

SCHEMAS: Final[Mapping[str, tuple[str, ...]]] = {
    "marcxml": ("info:srw/schema/1/marcxml-v1.1", "http://www.loc.gov/MARC21/slim"),
    "dc": ("info:srw/schema/1/dc-v1.1", "oai_dc", "http://www.openarchives.org/OAI/2.0/oai_dc/"),
    "mods": (
        "info:srw/schema/1/mods-v3.8",
        "http://www.loc.gov/mods/v3",
        *(f"info:srw/schema/1/mods-v3.{minor}" for minor in range(8)),
    ),
}
"""Record schemas by short name; the first of the others is the one that answers name."""

_SEARCH: Final = frozenset(
    (
        "query",
        "startRecord",
        "maximumRecords",
        "recordPacking",
        "recordSchema",
        "resultSetTTL",
        "sortKeys",
        "stylesheet",
        "extraRequestData",
    )
)
_OLD: Final[Mapping[Operation, frozenset[str]]] = {
    "explain": frozenset(("recordPacking", "stylesheet", "extraRequestData")),
    "searchRetrieve": _SEARCH,
    "scan": frozenset(("scanClause", "responsePosition", "maximumTerms", "stylesheet", "extraRequestData")),
}
_NEW: Final[Mapping[Operation, frozenset[str]]] = {
    "explain": frozenset(("recordXMLEscaping", "recordPacking", "stylesheet", "httpAccept")),
    "searchRetrieve": _SEARCH
    | {"queryType", "recordXMLEscaping", "renderedBy", "httpAccept", "responseType"},
    "scan": frozenset(("scanClause", "responsePosition", "maximumTerms", "stylesheet", "httpAccept")),
}
_NUMBER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that can be answered."""

    version: Version
    operation: Operation
    clause: str = ""
    """The query, or what to scan from."""
    start: int = 1
    most: int = DEFAULT_RECORDS
    schema: str = "marcxml"
    escaped: bool = False
    """Records are given as text instead of XML."""
    sort_keys: str = ""
    position: int = 1
    """Where among the terms the one that was asked for is to stand (scan)."""


class Refused(ValueError):
    """A diagnostic instead of an answer, in the form of the operation and version that were asked for."""

    def __init__(self, version: Version, operation: Operation, problem: CqlProblem) -> None:
        super().__init__(str(problem))
        self.version: Version = version
        self.operation: Operation = operation
        self.problem = problem


def asked(pairs: Sequence[tuple[str, str]]) -> Asked:
    """The request behind parameters. Raises `Refused`."""
    given = dict(pairs)
    version, operation = _form(given)
    try:
        repeated = [name for name in given if sum(name == each for each, _ in pairs) > 1]
        if repeated:
            raise CqlProblem(6, repeated[0], "A parameter is told once.")
        return _checked(given, version, operation)
    except CqlProblem as problem:
        raise Refused(version, operation, problem) from problem


def _form(given: Mapping[str, str]) -> tuple[Version, Operation]:
    """Version and operation. 2.0 has no `operation`: what is asked for tells it."""
    told, operation = given.get("version"), given.get("operation")
    implied: Operation = (
        "searchRetrieve" if "query" in given else "scan" if "scanClause" in given else "explain"
    )
    version: Version = "1.2" if operation is not None else "2.0"
    meant: Operation = implied
    for each in ("explain", "searchRetrieve", "scan"):
        if operation == each:
            meant = each
    for known in ("1.1", "1.2", "2.0"):
        if told == known:
            version = known
    if told is not None and told not in ("1.1", "1.2", "2.0"):
        raise Refused(version, meant, CqlProblem(5, "1.2" if operation is not None else "2.0"))
    if operation is not None and operation != meant:
        raise Refused(version, meant, CqlProblem(4, operation))
    if operation is None and version != "2.0" and given.keys() - {"version"}:
        raise Refused(version, meant, CqlProblem(7, "operation"))
    if operation in ("searchRetrieve", "scan") and told is None:
        raise Refused(version, meant, CqlProblem(7, "version"))
    return version, meant


def _checked(given: Mapping[str, str], version: Version, operation: Operation) -> Asked:
    known = (_NEW if version == "2.0" else _OLD)[operation] | {"version", "operation"}
    for name in given:
        if name not in known and not name.startswith("x-"):
            raise CqlProblem(8, name)
    if given.get("stylesheet"):
        raise CqlProblem(110, given["stylesheet"])
    if given.get("queryType", "cql") not in ("cql", "searchTerms"):
        raise CqlProblem(6, "queryType")
    if given.get("renderedBy", "client") != "client":
        raise CqlProblem(6, "renderedBy")
    escaped = _escaped(given, version)
    if operation == "explain":
        return Asked(version, operation, escaped=escaped)
    needed = "query" if operation == "searchRetrieve" else "scanClause"
    if not given.get(needed, "").strip():
        raise CqlProblem(7, needed)
    if operation == "scan":
        most = min(_number(given, "maximumTerms", DEFAULT_TERMS, 1), MOST_TERMS)
        position = _number(given, "responsePosition", 1, 0)
        if position > most + 1:
            raise CqlProblem(120, str(position))
        return Asked(version, operation, given[needed], most=most, position=position)
    clause = given[needed]
    if given.get("queryType") == "searchTerms":
        clause = " and ".join(f'"{_plain(word)}"' for word in clause.split())
    return Asked(
        version,
        operation,
        clause,
        start=_number(given, "startRecord", 1, 1),
        most=min(_number(given, "maximumRecords", DEFAULT_RECORDS, 0), MOST_RECORDS),
        schema=_schema(given.get("recordSchema", "")),
        escaped=escaped,
        sort_keys=given.get("sortKeys", ""),
    )


def _plain(word: str) -> str:
    """A word of a list of search terms, in which nothing masks."""
    return re.sub(r'([\\*?^"])', r"\\\1", word)


def _escaped(given: Mapping[str, str], version: Version) -> bool:
    """Records as text? 1.x says so by `recordPacking`, 2.0 by `recordXMLEscaping`."""
    if version == "2.0" and given.get("recordPacking", "packed") not in ("packed", "unpacked"):
        raise CqlProblem(71, given["recordPacking"])
    name = "recordXMLEscaping" if version == "2.0" else "recordPacking"
    told = given.get(name) or "xml"
    if told not in ("xml", "string"):
        raise CqlProblem(71, told)
    return told == "string"


def _number(given: Mapping[str, str], name: str, default: int, least: int) -> int:
    told = given.get(name)
    if told is None or told == "":
        return default
    if not _NUMBER.fullmatch(told) or int(told) < least:
        raise CqlProblem(6, name)
    return int(told)


def _schema(told: str) -> str:
    for name, others in SCHEMAS.items():
        if told in ("", name, *others):
            return name
    raise CqlProblem(66, told)
