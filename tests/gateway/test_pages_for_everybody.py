"""Every public page, in each language, as axe-core and HTML_CodeSniffer (by pa11y) find it.

That is WCAG 2.2 AA as far as programs can tell. Both are Node's: `CARREL_NODE_MODULES` is a folder with `axe-core` and
`pa11y` (installed with `PUPPETEER_SKIP_DOWNLOAD=1`), and a browser is wanted as for other pages (`CARREL_BROWSER=1`).
"""

import asyncio
import io
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from catalog.marc.iso2709 import dumps
from catalog.marc.record import Field, Record
from support import chromium
from support.box import Box, box_on_its_own, until
from support.shelves import LEADER, record, with_items
from support.university import CATALOG

MODULES = Path(os.environ.get("CARREL_NODE_MODULES", "nowhere"))
pytestmark = [
    chromium.wanted,
    pytest.mark.skipif(
        not all((MODULES / name).is_dir() for name in ("axe-core", "pa11y")),
        reason="needs axe-core and pa11y in CARREL_NODE_MODULES",
    ),
]
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
LANGUAGES = ("en", "de", "fr")
ENGLISH_ALONE = {"openurl"}
"""Pages that speak nothing else: the link resolver's."""
PHONE, DESKTOP = 390, 1280
PA11Y = """
const [modules, chromium] = process.argv.slice(1), at = require("module").createRequire(modules + "/");
const pa11y = at("pa11y"), puppeteer = at("puppeteer");
const { urls, language } = JSON.parse(require("fs").readFileSync(0, "utf8"));
(async () => {
  const browser = await puppeteer.launch({ executablePath: chromium, args: ["--no-sandbox", "--disable-gpu"] });
  const told = {};
  for (const url of urls) {
    const found = await pa11y(url, {
      browser, standard: "WCAG2AA", runners: ["htmlcs"], timeout: 60000,
      headers: { "Accept": "text/html", "Accept-Language": language },
    });
    told[url] = found.issues.map((each) => `${each.code} at ${each.selector}: ${each.message}`);
  }
  await browser.close();
  console.log(JSON.stringify(told));
})().catch((error) => { console.error(error); process.exit(1); });
"""


def titles() -> bytes:
    """What pages have to cope with: two scripts, copies, links, long words, and nothing at all."""
    hebrew = record("h1", title="Ḳitsur toldot ha-enoshut", author="Harari, Yuval N.").having(
        Field.data("880", "10", ("6", "245-01/(2/r"), ("a", "קיצור תולדות האנושות")),
        Field.data("520", "  ", ("a", "A history of humankind. " * 8)),
        Field.data("856", "41", ("u", "https://example.org/sapiens"), ("y", "Read it"), ("z", "On campus")),
    )
    fields = [
        Field.control("008", "260101s2011    is                  heb d") if field.tag == "008"
        else Field.data("245", "10", ("6", "880-01"), ("a", "Ḳitsur toldot ha-enoshut")) if field.tag == "245"
        else field
        for field in hebrew
    ]  # fmt: skip
    long = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
    made = [
        with_items(Record(LEADER, fields), ("E1", "MAIN", "STACKS"), ("E2", "MAIN", "STACKS")),
        with_items(record("l1", title=long, author=long, subject=long), ("E3", "MAIN", "STACKS")),
        *(record(f"s{number}", title=f"Shelf {number}") for number in range(45)),
    ]
    return b"".join(map(dumps, made))


@dataclass(frozen=True)
class House:
    """A library, and its pages by name."""

    url: str
    pages: dict[str, str]


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with box_on_its_own() as box:
        box.start()
        yield House(box.url, asyncio.run(furnished(box)))


async def furnished(box: Box) -> dict[str, str]:
    """A small catalogue, and where its pages are."""
    library = box.library()
    await library.put("/v1/configuration/catalog", CATALOG)
    await library.imported(titles(), profile="local-999")

    async def found(query: str) -> str:
        async def look() -> str | None:
            items = (await library.get("/v1/titles", query=query))["items"]
            return str(items[0]["id"]) if items else None

        return str(await until(look, seconds=30))

    hebrew, long = await found("toldot"), await found("barcode:E3")
    await cover(library, hebrew)
    await library.close()
    return {
        "results": "/search?query=shelf",
        "all": "/search",
        "two-scripts": "/search?query=toldot",
        "narrowed": "/search?query=shelf&filter[format]=book&page=2&sort=title",
        "browse": "/browse?kind=subject",
        "browse-near": "/browse?kind=author&near=Harari",
        "nothing": "/search?query=nowhereatall",
        "refused": "/search?query=title:(",
        "browse-nothing": "/browse?kind=genre",
        "title": f"/titles/{hebrew}",
        "long-title": f"/titles/{long}",
        "no-title": "/titles/00000000-0000-0000-0000-000000000000",
        "openurl": "/openurl?genre=article&issn=0028-0836&atitle=Something&title=Nature&date=2020",
        "sign-in": "/sign-in",
        "sign-in-local": "/sign-in/local?target=/v1/session",
        "device": "/oauth2/device",
        "developers": "/developers",
        "events": "/developers/events",
        "event": "/developers/events/catalog.title-created.v1",
        "endings": "/developers/changes",
        "keys": "/developers/keys",
    }


async def cover(library: Any, title_id: str) -> None:
    """Give a title a picture."""
    out = io.BytesIO()
    Image.new("RGB", (400, 600), (120, 40, 40)).save(out, "JPEG")
    answer = await library.http.put(
        f"/v1/titles/{title_id}/cover",
        content=out.getvalue(),
        headers={"If-Match": '"0"', "Content-Type": "image/jpeg"},
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_axe_finds_no_fault_with_any_page(house: House, language: str, tmp_path: Path) -> None:
    axe = (MODULES / "axe-core" / "axe.min.js").read_text()
    only = json.dumps({"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]})
    faults: dict[str, Any] = {}
    async with chromium.browser(tmp_path) as tab:
        await tab.do("Network.enable")
        await tab.do("Network.setExtraHTTPHeaders", headers={"Accept-Language": language})
        for name, path in house.pages.items():
            for width in (PHONE, DESKTOP):
                await tab.go(house.url + path)
                await tab.picture(f"{name}-{language}", width)
                await tab.tell(axe)
                told = await tab.tell(
                    f"axe.run(document, {only}).then((found) => found.violations.map((each) => "
                    "`${each.id}: ${each.nodes.map((node) => node.target + ' ' + node.failureSummary).join('; ')}`))"
                )
                if told:
                    faults[f"{name} at {width}"] = told
            spoken = await tab.tell("document.documentElement.lang")
            if spoken != ("en" if name in ENGLISH_ALONE else language):
                faults[f"{name} speaks"] = spoken
    assert not faults, json.dumps(faults, indent=1)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_pa11y_finds_no_fault_with_any_page(house: House, language: str) -> None:
    browser = shutil.which("chromium") or ""
    process = await asyncio.create_subprocess_exec(
        *("node", "-e", PA11Y, str(MODULES.resolve()), browser),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    urls = [house.url + path for path in house.pages.values()]
    out, error = await process.communicate(json.dumps({"urls": urls, "language": language}).encode())
    assert process.returncode == 0, error.decode()[-2000:]
    assert not (faults := {url: issues for url, issues in json.loads(out).items() if issues}), json.dumps(
        faults, indent=1
    )
