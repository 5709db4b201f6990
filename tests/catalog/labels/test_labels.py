"""Labels of items on sheets: where they stand, what they say, and what has no label."""

import re
import zlib
from typing import Any

import pytest

from catalog.labels.documents import SHIPPED, LabelTemplateDoc
from catalog.labels.rules import places, spine
from support.bars import read_39
from support.harness import Harness
from support.shelves import Shelves

POINTS = 72 / 25.4
TEMPLATE: dict[str, Any] = {
    "code": "mine", "name": "Mine", "rows": 2, "columns": 2, "page_width_mm": 100, "page_height_mm": 60,
    "label_width_mm": 50, "label_height_mm": 30, "padding_mm": 1,
    "lines": [{"fact": "call_number_parts", "size": 6}, {"fact": "copy_number", "before": "c. ", "size": 6}],
    "bars": {"symbology": "code-39", "height_mm": 6, "module_mm": 0.2},
}  # fmt: skip


def pages(pdf: bytes) -> list[str]:
    """What is drawn on each page."""
    streams = re.findall(rb"/Length (\d+) /Filter /FlateDecode >>\nstream\n", pdf)
    begins = [each.end() for each in re.finditer(rb"/FlateDecode >>\nstream\n", pdf)]
    return [
        zlib.decompress(pdf[at : at + int(long)]).decode("ascii")
        for at, long in zip(begins, streams, strict=True)
    ]


def texts(page: str) -> list[tuple[float, float, str]]:
    """Each line of text, and where it stands in millimetres from the upper left corner of a sheet of 60 mm."""
    found = re.findall(r"Tf ([\d.]+) ([\d.]+) Td \((.*?)\) Tj", page)
    return [(float(x) / POINTS, 60 - float(y) / POINTS, text) for x, y, text in found]


def modules(page: str) -> list[int]:
    """Widths of bars and spaces, in the narrowest one's."""
    bars = [
        tuple(map(float, each)) for each in re.findall(r"^([\d.]+) [\d.]+ ([\d.]+) [\d.]+ re f$", page, re.M)
    ]
    narrow = min(width for _, width in bars)
    told = []
    for (x, width), (following, _) in zip(bars, [*bars[1:], (0.0, 0.0)], strict=True):
        told.append(round(width / narrow))
        if following:
            told.append(round((following - x - width) / narrow))
    return told


@pytest.mark.parametrize(
    ("number", "scheme", "parts"),
    [
        ("QA76.73.P98 L88 2013", None, ["QA", "76.73", ".P98", "L88", "2013"]),
        ("PS 3048 .A1", "lc", ["PS", "3048", ".A1"]),
        ("WG 120.2 A1 2020", "nlm", ["WG", "120.2", "A1", "2020"]),
        ("813.54 SMI v. 2", None, ["813.54", "SMI", "v.", "2"]),
        ("Y 4.J 89/1:S.HRG. 99-3", "sudoc", ["Y 4.J 89/1:", "S.HRG. 99-3"]),
        ("Rara 12", "local", ["Rara", "12"]),
        (" ", None, []),
    ],
)
def test_a_call_number_is_broken_as_spines_have_it(number: str, scheme: str | None, parts: list[str]) -> None:
    assert spine(number, scheme) == parts


def test_a_sheet_that_was_begun_is_used_up() -> None:
    told = places(rows=2, columns=2, start=3, count=3, top=5, left=1, across=10, down=20)

    assert list(told) == [(0, 1, 25), (0, 11, 25), (1, 1, 5)]


def test_the_shipped_templates_fit_their_sheets() -> None:
    assert [list(each.flaws("")) for each in SHIPPED] == [[], []]


@pytest.mark.parametrize(
    ("changed", "codes"),
    [
        ({}, []),
        ({"columns": 3, "rows": 3}, ["labels-beyond-sheet", "labels-beyond-sheet"]),
        ({"padding_mm": 15, "bars": None}, ["label-all-padding"]),
        ({"bars": {"height_mm": 29}}, ["bars-too-high"]),
        ({"lines": [], "bars": None}, ["label-empty"]),
        ({"lines": [{"before": " "}]}, ["line-empty"]),
    ],
)
def test_what_does_not_fit_a_sheet_is_told_before_it_is_printed(
    changed: dict[str, Any], codes: list[str]
) -> None:
    doc = LabelTemplateDoc.model_validate(TEMPLATE | changed)

    assert [each.code for each in doc.flaws("/label_templates/0")] == codes


async def printed(catalog: Harness, **body: Any) -> Any:
    return await catalog.post("/v1/label-sheets", json={"template": "mine"} | body)


async def test_labels_stand_where_the_template_has_them_and_say_what_they_should(
    catalog: Harness, shelves: Shelves
) -> None:
    await shelves.configure(label_templates=[TEMPLATE])
    title = await shelves.title()
    one = await shelves.item(title, barcode="B1", call_number="QA76.7 .A1", copy_number="2")
    two = await shelves.item(title, barcode="B2", call_number="QA76.7 .A1")

    answer = await printed(catalog, item_ids=[two["id"], one["id"]], start=4)
    again = await printed(catalog, barcodes=["B2", "B1"], start=4)
    arranged = await printed(catalog, holdings_id=one["holdings_id"], copies=2)

    assert answer.status_code == 200, answer.text
    assert (answer.headers["content-type"], "carrel-findings" in answer.headers) == ("application/pdf", False)
    first, second = pages(answer.content)
    assert [text for _, _, text in texts(first)] == ["B2", "QA", "76.7", ".A1"]
    assert [text for _, _, text in texts(second)] == ["B1", "QA", "76.7", ".A1", "c. 2"]
    assert all(x >= 51 and y > 30 for x, y, _ in texts(first))
    assert all(x < 50 and y < 30 for x, y, _ in texts(second))
    assert read_39(modules(first)) == "*B2*"
    assert pages(again.content) == [first, second]
    assert len(pages(arranged.content)) == 1


async def test_everything_without_a_label_is_told_and_nothing_is_printed(
    catalog: Harness, shelves: Shelves
) -> None:
    await shelves.configure(label_templates=[TEMPLATE])
    title = await shelves.title()
    items = [await shelves.item(title, barcode=code) for code in (None, "small", "B" * 40)]

    faulty = await printed(catalog, item_ids=[each["id"] for each in items])
    unknown = await printed(catalog, barcodes=["x", "y"], start=9, template="none")
    beyond = await printed(catalog, item_ids=[items[0]["id"]], start=5)
    both = await printed(catalog, item_ids=[items[0]["id"]], barcodes=["x"])

    def told(answer: Any) -> list[str]:
        return [each["code"] for each in answer.json()["reasons"]]

    assert told(faulty) == ["bars-of-nothing", "bars-unsayable", "bars-too-wide"]
    assert told(unknown) == ["template-unknown", "item-unknown", "item-unknown"]
    assert (told(beyond), both.status_code) == (["start-beyond-sheet"], 422)


async def test_what_does_not_fit_a_label_is_counted_and_shipped_templates_are_there_until_a_library_has_its_own(
    catalog: Harness, shelves: Shelves
) -> None:
    item = await shelves.item(barcode="31", call_number=" ".join(["ABC"] * 30))

    answer = await printed(catalog, template="spine", item_ids=[item["id"]])
    bars = await printed(catalog, template="barcode", item_ids=[item["id"]])
    shipped = (await catalog.get("/v1/label-templates")).json()["items"]

    assert (answer.status_code, answer.headers["carrel-findings"]) == (200, "1")
    assert bars.status_code == 200
    assert [each["code"] for each in shipped] == ["spine", "barcode"]
    with catalog.asking(None):
        assert (await catalog.get("/v1/label-templates")).status_code == 401
