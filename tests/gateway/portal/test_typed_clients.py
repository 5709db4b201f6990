"""Clients made from the document: they hold what they promise to a strict checker, and lend a book."""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.portal.typed.python import annotation
from gateway.portal.typed.reading import camel, snake, type_name
from gateway.portal.typed.typescript import type_of
from support.front import OPERATOR, bearer, listening
from support.whole import Library

MODULES = Path(
    os.environ.get("CARREL_NODE_MODULES") or Path(__file__).parents[3] / ".venv" / "npm" / "node_modules"
)
"""Where `npm install` has put the compiler (`.ci/run` says how)."""

GOOD = """
import json
import sys

from carrel_client import Carrel, LoanIn, Problem, each

carrel = Carrel(sys.argv[1], sys.argv[2])
lend: LoanIn = {"patron_barcode": "P1", "item_barcode": "I1", "service_point_id": sys.argv[3]}
asked = carrel.circulation_check_out(lend, dry_run=True)
loan = carrel.circulation_check_out(lend, idempotency_key="one")
replayed = carrel.circulation_check_out(lend, idempotency_key="one")
try:
    carrel.circulation_check_out(lend)
    refused: list[str] = []
except Problem as problem:
    refused = [problem.code, *(reason["code"] for reason in problem.reasons)]
patrons = [patron["barcode"] for patron in each(carrel.circulation_list_patrons, limit=1)]
print(json.dumps([asked, loan, loan == replayed, refused, patrons]))
"""
BAD = """
from carrel_client import Carrel, LoanIn

carrel = Carrel("http://127.0.0.1")
lend: LoanIn = {"patron_barcod": "P1"}
carrel.circulation_check_out(lend, dryrun=True)
carrel.circulation_get_loan()
"""
TYPESCRIPT = """
import { Carrel, LoanIn, Problem } from "./carrel.js";

declare const process: { argv: string[] };
const [, , url = "", credential = "", desk = ""] = process.argv;
const carrel = new Carrel(url, credential);
const lend: LoanIn = { patron_barcode: "P1", item_barcode: "I1", service_point_id: desk };
const asked = await carrel.circulationCheckOut({ body: lend, query: { dry_run: true } });
const loan = await carrel.circulationCheckOut({ body: lend, idempotencyKey: "one" });
const replayed = await carrel.circulationCheckOut({ body: lend, idempotencyKey: "one" });
let refused: string[] = [];
try {
  await carrel.circulationCheckOut({ body: lend });
} catch (problem) {
  if (problem instanceof Problem) refused = [problem.code, ...problem.reasons.map((reason) => reason.code)];
}
// @ts-expect-error - there is no such field
const bad: LoanIn = { patron_barcod: "P1" };
const patrons = (await carrel.circulationListPatrons({ query: { limit: 10 } })).items.map((each) => each.barcode);
console.log(JSON.stringify([asked, loan, JSON.stringify(loan) === JSON.stringify(replayed), refused, patrons, bad]));
"""
STRICT = {
    "strict": True,
    "exactOptionalPropertyTypes": True,
    "noUncheckedIndexedAccess": True,
    "target": "es2022",
    "module": "nodenext",
    "lib": ["es2022", "dom", "dom.iterable"],
    "types": [],
}


@pytest.mark.parametrize(
    ("schema", "python", "typescript"),
    [
        ({"type": "string", "format": "uuid"}, "str", "string"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "int | None", "number | null"),
        ({"type": ["string", "null"]}, "str | None", "string | null"),
        ({"enum": ["a", "b"]}, "Literal['a', 'b']", '"a" | "b"'),
        ({"const": 3}, "Literal[3]", "3"),
        ({"type": "array", "items": {"$ref": "#/x/Loan-Out"}}, "list[LoanOut]", "Array<LoanOut>"),
        (
            {"type": "object", "additionalProperties": {"type": "number"}},
            "dict[str, float]",
            "Record<string, number>",
        ),
        ({}, "Any", "unknown"),
    ],
)
def test_a_schema_as_a_type(schema: dict[str, Any], python: str, typescript: str) -> None:
    assert (annotation(schema), type_of(schema)) == (python, typescript)


def test_names_as_each_language_writes_them() -> None:
    assert snake("circulation-check-out") == "circulation_check_out"
    assert (snake("filter[language]"), snake("from")) == ("filter_language", "from_")
    assert camel("circulation-check-out") == "circulationCheckOut"
    assert (
        type_name("circulation__patrons__account__ActionsOut-Input")
        == "CirculationPatronsAccountActionsOutInput"
    )


async def lendable(library: Library) -> str:
    """A patron P1 and an item I1, and the id of a desk."""
    front, operator = library.front, bearer(OPERATOR)

    async def put(path: str, **more: Any) -> dict[str, Any]:
        answer: httpx.Response = await front.post(
            path, headers={**operator, **more.pop("headers", {})}, **more
        )
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    record = {
        "leader": "00000nam a2200000 i 4500",
        "fields": [{"245": {"ind1": "1", "ind2": "0", "subfields": [{"a": "Walden"}]}}],
    }
    kind = {"Content-Type": "application/marc+json"}
    title = await put("/v1/titles", content=json.dumps(record), headers=kind)
    place = (await front.get("/v1/locations")).json()["items"][0]["id"]
    shelf = await put("/v1/holdings", json={"title_id": title["id"], "location_id": place})
    item = {"holdings_id": shelf["id"], "barcode": "I1", "material_type": "BOOK", "loan_type": "standard"}
    await put("/v1/items", json=item)
    await put("/v1/patrons", json={"group": "student", "barcode": "P1", "family_name": "Sample"})
    await library.settle()
    return str((await front.get("/v1/service-points")).json()["items"][0]["id"])


async def ran(*command: str | Path, folder: Path) -> tuple[int, str]:
    """A program's end, and what it said."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command), cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


def lent(said: str) -> None:
    asked, loan, replayed, refused, patrons, *_ = json.loads(said)
    assert asked["allowed"] is True
    assert (loan["item_barcode"], loan["due_at"]) == ("I1", "2027-03-29T21:59:59Z")
    assert replayed is True
    assert refused == ["renewal-refused", "due-date-unchanged"]
    assert patrons == ["P1"]


async def test_the_python_client_passes_the_strict_checker_and_lends_a_book(
    library: Library, tmp_path: Path
) -> None:
    desk = await lendable(library)
    code = (await library.front.get("/developers/clients/carrel_client.py")).text
    for name, told in (("carrel_client", code), ("good", GOOD), ("bad", BAD)):
        (tmp_path / f"{name}.py").write_text(told)
    strict = ("-m", "mypy", "--strict", "--python-version", "3.11", "--config-file", os.devnull)

    _, said = await ran(sys.executable, *strict, "carrel_client.py", "good.py", "bad.py", folder=tmp_path)
    async with listening(library.front.app) as url:
        ended, told = await ran(sys.executable, "good.py", url, OPERATOR, desk, folder=tmp_path)

    lines = [line for line in said.splitlines() if ": error:" in line]
    assert {line.partition(":")[0] for line in lines} == {"bad.py"}, said
    assert len(lines) >= 3
    assert ended == 0, told
    lent(told)


async def test_the_typescript_client_passes_the_strict_compiler_and_lends_a_book(
    library: Library, tmp_path: Path
) -> None:
    compiler = MODULES / ".bin" / "tsc"
    if shutil.which("node") is None or not compiler.exists():
        pytest.skip(f"no TypeScript: npm install --prefix {MODULES.parent} typescript@5.9.3")
    desk = await lendable(library)
    code = (await library.front.get("/developers/clients/carrel.ts")).text
    (tmp_path / "carrel.ts").write_text(code)
    (tmp_path / "program.ts").write_text(TYPESCRIPT)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": STRICT, "files": ["program.ts"]}))

    ended, said = await ran(compiler, "-p", ".", folder=tmp_path)
    assert ended == 0, said
    async with listening(library.front.app) as url:
        ended, told = await ran("node", "program.js", url, OPERATOR, desk, folder=tmp_path)

    assert ended == 0, told
    lent(told)


async def test_there_is_no_client_in_any_other_language(library: Library) -> None:
    assert (await library.front.get("/developers/clients/carrel.pl")).status_code == 404
