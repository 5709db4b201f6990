"""Started processes build models of the wire when they are first used."""

import json
import subprocess
import sys

STARTED = """
import json
from chassis import deferring
deferring.models()
from fastapi import FastAPI
from pydantic import BaseModel, ValidationError

class Inner(BaseModel):
    number: int

class Outer(BaseModel):
    inner: list[Inner]

told = [Outer.__pydantic_complete__]
try:
    Outer.model_validate({"inner": [{"number": "seven"}, {}]})
except ValidationError as wrong:
    told.append([list(error["loc"]) for error in wrong.errors()])
app = FastAPI()

@app.post("/things")
def make(body: Outer) -> Outer:
    return body

app.openapi()
told += [Outer.__pydantic_complete__, Outer(inner=[Inner(number=7)]).model_dump_json()]
print(json.dumps(told))
"""


def test_a_model_is_built_when_it_is_used_and_then_judges_as_ever() -> None:
    told = subprocess.run([sys.executable, "-c", STARTED], capture_output=True, text=True, check=True)

    before, reasons, after, written = json.loads(told.stdout)
    assert (before, after, told.stderr) == (False, True, "")
    assert reasons == [["inner", 0, "number"], ["inner", 1, "number"]]
    assert written == '{"inner":[{"number":7}]}'


LEFT_OUT = """
import sys
from chassis import deferring
deferring.terminals()
import httpx
print(*(name for name in ("click", "pygments", "rich") if name in sys.modules), httpx.Client.__name__)
"""


def test_a_client_comes_without_what_only_a_terminal_needs() -> None:
    told = subprocess.run([sys.executable, "-c", LEFT_OUT], capture_output=True, text=True, check=True)

    assert told.stdout.split() == ["Client"]
