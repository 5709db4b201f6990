"""SRU's answers as XML, for each version its own namespaces."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from catalog.cql.parsing import CqlProblem
from catalog.marc import crosswalk, mods, slim
from catalog.marc.record import Record
from catalog.marc.xmltext import group, leaf, told
from catalog.search.engine import ScannedTerm
from catalog.search.hitlists import KEPT_SECONDS
from catalog.sru.asking import (
    DEFAULT_RECORDS,
    DEFAULT_TERMS,
    MOST_RECORDS,
    MOST_TERMS,
    SCHEMAS,
    Operation,
    Version,
)
from catalog.sru.indexes import INDEXES, SETS

EXPLAIN: Final = "http://explain.z3950.org/dtd/2.0/"
_URI: Final = "info:srw/diagnostic/1/"
RELATIONS: Final = ("=", "==", "<>", "<", ">", "<=", ">=", "adj", "all", "any", "within")
SURROGATE: Final = "info:srw/schema/1/diagnostics-v1.1"

MESSAGES: Final[Mapping[int, str]] = {
    1: "General system error",
    2: "System temporarily unavailable",
    4: "Unsupported operation",
    5: "Unsupported version",
    6: "Unsupported parameter value",
    7: "Mandatory parameter not supplied",
    8: "Unsupported parameter",
    10: "Query syntax error",
    12: "Too many characters in query",
    13: "Invalid or unsupported use of parentheses",
    14: "Invalid or unsupported use of quotes",
    15: "Unsupported context set",
    16: "Unsupported index",
    19: "Unsupported relation",
    20: "Unsupported relation modifier",
    22: "Unsupported combination of relation and index",
    23: "Too many characters in term",
    27: "Empty term unsupported",
    28: "Masking character not supported",
    29: "Masked words too short",
    32: "Anchoring character not supported",
    36: "Term in invalid format for index or relation",
    38: "Too many boolean operators in query",
    39: "Proximity not supported",
    40: "Unsupported proximity relation",
    41: "Unsupported proximity distance",
    42: "Unsupported proximity unit",
    46: "Unsupported boolean modifier",
    48: "Query feature unsupported",
    51: "Result set does not exist",
    61: "First record position out of range",
    64: "Record temporarily unavailable",
    66: "Unknown schema for retrieval",
    71: "Unsupported record packing",
    84: "Too many sort keys to sort",
    87: "Unsupported schema for sort",
    88: "Unsupported path for sort",
    90: "Unsupported direction",
    91: "Unsupported case",
    92: "Unsupported missing value action",
    110: "Stylesheets not supported",
    120: "Response position out of range",
}

WRITERS: Final[Mapping[str, Callable[[Record], str]]] = {
    "marcxml": slim.dumps,
    "dc": lambda record: crosswalk.dumps(crosswalk.dublin_core(record)).decode(),
    "mods": mods.dumps,
}


@dataclass(frozen=True, slots=True)
class Form:
    """How a version is written."""

    version: Version

    @property
    def is_new(self) -> bool:
        """2.0, which is OASIS's; 1.1 and 1.2 are the Library of Congress's."""
        return self.version == "2.0"

    def namespace(self, operation: Operation) -> str:
        """Of the answer's own elements."""
        if not self.is_new:
            return "http://www.loc.gov/zing/srw/"
        kind = "scan" if operation == "scan" else "sruResponse"
        return f"http://docs.oasis-open.org/ns/search-ws/{kind}"

    @property
    def diagnostic(self) -> str:
        """Of diagnostics."""
        old, new = (
            "http://www.loc.gov/zing/srw/diagnostic/",
            "http://docs.oasis-open.org/ns/search-ws/diagnostic",
        )
        return new if self.is_new else old


def _document(form: Form, operation: Operation, *parts: str) -> bytes:
    version = "" if form.is_new else leaf("version", form.version)
    body = f'<{operation}Response xmlns="{form.namespace(operation)}">{version}{"".join(parts)}</{operation}Response>\n'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'.encode()


def _diagnostic(form: Form, number: int, details: str, message: str) -> str:
    return (
        f'<diagnostic xmlns="{form.diagnostic}">{leaf("uri", f"{_URI}{number}")}{leaf("details", details)}'
        f"{leaf('message', message or MESSAGES[number])}</diagnostic>"
    )


def refusal(version: Version, operation: Operation, problem: CqlProblem, *, base_url: str) -> bytes:
    """A diagnostic in place of an answer."""
    form = Form(version)
    message = MESSAGES[problem.number]
    if problem.message:
        message = f"{message}: {problem.message}"
    diagnostics = group("diagnostics", _diagnostic(form, problem.number, problem.details, message))
    if operation == "explain":
        return _document(form, operation, _explained(form, base_url), diagnostics)
    count = leaf("numberOfRecords", "0") if operation == "searchRetrieve" else ""
    return _document(form, operation, count, diagnostics)


def explained(version: Version, *, base_url: str, escaped: bool) -> bytes:
    """The description of this server."""
    form = Form(version)
    return _document(form, "explain", _explained(form, base_url, escaped=escaped))


def _record(form: Form, schema: str, body: str, *, escaped: bool, position: int | None = None) -> str:
    packing = "string" if escaped else "xml"
    packed = "recordXMLEscaping" if form.is_new else "recordPacking"
    place = "" if position is None else f"<recordPosition>{position}</recordPosition>"
    return (
        f"<record><recordSchema>{schema}</recordSchema><{packed}>{packing}</{packed}>"
        f"<recordData>{told(body) if escaped else body}</recordData>{place}</record>"
    )


def found(
    version: Version,
    *,
    total: int,
    start: int,
    schema: str,
    records: Sequence[Record | None],
    escaped: bool,
    list_name: str | None = None,
) -> bytes:
    """A page of records; one that is gone since it was found leaves a diagnostic in its place. Costs CPU."""
    form = Form(version)
    name = SCHEMAS[schema][0]
    written: list[str] = []
    for position, record in enumerate(records, start):
        if record is None:
            gone = _diagnostic(form, 64, "", "")
            written.append(_record(form, SURROGATE, gone, escaped=escaped, position=position))
        else:
            written.append(_record(form, name, WRITERS[schema](record), escaped=escaped, position=position))
    behind = start + len(records)
    return _document(
        form,
        "searchRetrieve",
        leaf("numberOfRecords", str(total)),
        leaf("resultSetId", list_name),
        leaf("resultSetIdleTime", None if form.is_new or list_name is None else str(KEPT_SECONDS)),
        group("records", *written),
        leaf("nextRecordPosition", str(behind) if records and behind <= total else None),
        leaf("resultSetTTL", str(KEPT_SECONDS) if form.is_new and list_name is not None else None),
        "<resultCountPrecision>info:srw/vocabulary/resultCountPrecision/1/exact</resultCountPrecision>"
        if form.is_new
        else "",
    )


def scanned(version: Version, terms: Sequence[ScannedTerm]) -> bytes:
    """A piece of an index."""
    form = Form(version)
    return _document(
        form,
        "scan",
        group(
            "terms",
            *(
                group("term", leaf("value", each.term), leaf("numberOfRecords", str(each.count)))
                for each in terms
            ),
        ),
    )


def _explained(form: Form, base_url: str, *, escaped: bool = False) -> str:
    where = urlsplit(base_url)
    port = where.port or (443 if where.scheme == "https" else 80)
    used = sorted({prefix for index in INDEXES for prefix, _ in index.names})
    body = group(
        "explain",
        group(
            "serverInfo",
            leaf("host", where.hostname),
            leaf("port", str(port)),
            leaf("database", where.path.strip("/")),
            protocol="SRU",
            version=form.version,
            transport=where.scheme,
            method="GET POST",
        ),
        group("databaseInfo", leaf("title", "The library's catalogue", lang="en", primary="true")),
        group(
            "indexInfo",
            *(f'<set name="{prefix}" identifier="{told(SETS[prefix])}"/>' for prefix in used),
            *(
                group(
                    "index",
                    leaf("title", index.title, lang="en"),
                    *(group("map", leaf("name", name, set=prefix)) for prefix, name in index.names),
                    search="true",
                    scan="true" if index.scannable else "false",
                    sort="true" if index.sort else "false",
                )
                for index in INDEXES
            ),
        ),
        group(
            "schemaInfo",
            *(
                group(
                    "schema",
                    leaf("title", name.upper(), lang="en"),
                    name=name,
                    identifier=others[0],
                    sort="false",
                    retrieve="true",
                )
                for name, others in SCHEMAS.items()
            ),
        ),
        group(
            "configInfo",
            leaf("default", str(DEFAULT_RECORDS), type="numberOfRecords"),
            leaf("default", "marcxml", type="retrieveSchema"),
            leaf("default", "cql", type="contextSet"),
            leaf("default", "cql.serverChoice", type="index"),
            leaf("default", "=", type="relation"),
            leaf("default", str(DEFAULT_TERMS), type="maximumTerms"),
            leaf("setting", str(MOST_RECORDS), type="maximumRecords"),
            leaf("setting", str(MOST_TERMS), type="maximumTerms"),
            *(leaf("supports", each, type="relation") for each in RELATIONS),
            *(leaf("supports", each, type="booleanOperator") for each in ("and", "or", "not", "prox")),
            leaf("supports", "*", type="maskingCharacter"),
            leaf("supports", "?", type="maskingCharacter"),
            leaf("supports", "^", type="anchoring"),
            '<supports type="resultSets"/>',
            '<supports type="scan"/>',
            '<supports type="sort"/>',
        ),
    )  # fmt: skip
    body = body.replace("<explain>", f'<explain xmlns="{EXPLAIN}">', 1)
    return _record(form, EXPLAIN, body, escaped=escaped)
