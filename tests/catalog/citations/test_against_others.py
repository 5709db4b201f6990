"""Citations as citeproc-js makes them of CSL's own styles, and references as citation-js reads them.

Both are Node's, and the styles are under a licence of their own, so neither is part of the project:
`CARREL_NODE_MODULES` is a folder with `citeproc` and `@citation-js/*`, `CARREL_CSL` one with CSL's `styles` and
`locales`. Without them this is skipped.
"""

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from catalog.citations import bibtex, csl, ris
from catalog.citations.styles.offered import html as cited
from catalog.marc.record import Field, Record
from support.marc_records import LEADER

from .examples import CITED, ITEMS, OTHERWISE, OTHERWISE_IN

STYLES = {name: {"vancouver": "nlm-citation-sequence"}.get(name, name) for name in CITED}
CITE = """
const fs = require("fs"), CSL = require(process.argv[1] + "/citeproc");
const {items, styles, folder, locale} = JSON.parse(fs.readFileSync(0, "utf8"));
const read = (path) => fs.readFileSync(folder + path, "utf8"), told = {};
for (const style of styles) {
  const sys = {retrieveLocale: (l) => read(`/locales/locales-${l}.xml`), retrieveItem: (id) => items[id]};
  const engine = new CSL.Engine(sys, read(`/styles/${style}.csl`), locale, true);
  told[style] = {};
  for (const id in items) { engine.updateItems([id]); told[style][id] = engine.makeBibliography()[1].join(""); }
}
console.log(JSON.stringify(told));
"""
READ = """
const at = process.argv[1] + "/@citation-js/", { Cite } = require(at + "core");
require(at + "plugin-ris"); require(at + "plugin-bibtex");
const given = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(given.map((each) => new Cite(each).data)));
"""


def node(program: str, told: Any) -> Any:
    """What a program of Node's answers."""
    modules = os.environ.get("CARREL_NODE_MODULES", "")
    if shutil.which("node") is None or not Path(modules, "citeproc").is_dir():
        pytest.skip("needs Node, and citeproc and citation-js in CARREL_NODE_MODULES")
    ran = subprocess.run(
        ["node", "-e", program, modules], input=json.dumps(told), capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return json.loads(ran.stdout)


@pytest.fixture(scope="module")
def theirs() -> dict[str, dict[str, dict[str, str]]]:
    """Every item in every style, by locale."""
    folder = os.environ.get("CARREL_CSL", "")
    if not Path(folder, "styles", "apa.csl").is_file():
        pytest.skip("needs CSL's styles and locales in CARREL_CSL")
    asked = {"items": ITEMS, "styles": list(STYLES.values()), "folder": folder}
    return {locale: node(CITE, asked | {"locale": locale}) for locale in ("en-US", "de-DE")}


def bare(told: str) -> str:
    """Without the blocks around it, the number before it, and blanks that do not break."""
    told = re.sub(r"</?(?:div|span)[^>]*>", "", told)
    told = re.sub(r"^\s*(?:\d+\.|\[\d+\]|\(\d+\))\s*", "", told)
    return " ".join(html.unescape(told).replace("\xa0", " ").replace("\u202f", " ").split())


@pytest.mark.parametrize(
    ("style", "locale"),
    [(style, "en-US") for style in CITED]
    + [(style, "de-DE") for style in CITED if not style.endswith("-en")],  # that one is English
)
def test_a_citation_is_what_another_program_makes_of_the_style(
    theirs: dict[str, dict[str, dict[str, str]]], style: str, locale: str
) -> None:
    names = [name for name in ITEMS if name not in OTHERWISE]
    if style in OTHERWISE_IN:
        names = [name for name in names if "edition" not in ITEMS[name] and name != "three"]
    if style == "american-medical-association" and locale == "de-DE":
        names.remove("chapter")  # pages have another dash in German
        names.remove("article")
    if style == "american-chemical-society" and locale == "de-DE":
        names.remove("full")  # "Übersetzer" and not "Übers.": there is no plural to tell apart
    told = theirs[locale][STYLES[style]]

    assert len(names) >= 7
    assert {name: bare(cited(ITEMS[name], style, locale)) for name in names} == {
        name: bare(told[name]) for name in names
    }


def test_references_are_read_by_another_program() -> None:
    fields = [
        Field.control("008", "260101s1993    gw                  ger d"),
        Field.data("020", "  ", ("a", "9780141439518")),
        Field.data("100", "1 ", ("a", "Müller, Änne,"), ("e", "author.")),
        Field.data("245", "14", ("a", "Das Ganze :"), ("b", "100% {wirklich} & mehr")),
        Field.data("264", " 1", ("a", "Berlin :"), ("b", "Wagenbach,"), ("c", "1993.")),
    ]
    host = Field.data("773", "0 ", ("t", "Journal"), ("g", "Vol. 3, no. 2, p. 5-9"), ("x", "0378-5955"))
    book = csl.csl(Record(LEADER, fields), key="t1")
    part = csl.csl(Record("00000naa a2200000 i 4500", [*fields, host]), key="t2")
    given = [write(item) for item in (book, part) for write in (ris.dumps, bibtex.dumps, lambda each: [each])]

    read = node(READ, given)

    for at, ((told,), item) in enumerate(zip(read, [book] * 3 + [part] * 3, strict=True)):
        assert told["title"] == item["title"], given[at]
        assert told["author"] == [{"family": "Müller", "given": "Änne"}], given[at]
        assert told["issued"]["date-parts"][0][0] in (1993, "1993"), given[at]
        assert told["type"] == item["type"], given[at]
    for told in (each[0] for each in read[3:]):
        assert (told["container-title"], told["volume"], told["issue"], told["page"]) == (
            "Journal", "3", "2", "5-9",
        )  # fmt: skip
