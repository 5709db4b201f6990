"""Text as PDF: read back by another reader than the writer, and marked where a letter is missing."""

import re
import zlib
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.pdf import BOX, HEIGHT, MARGIN, WIDTH, Line, pdf, printable, whole

AT = datetime(2027, 3, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "printed", "is_whole"),
    [
        ("Rivers (2nd ed.) \\ \u20ac5", "Rivers (2nd ed.) \\ \u20ac5", True),
        ("M\u00fcller \u2013 \u201cFl\u00fcsse\u201d", "M\u00fcller \u2013 \u201cFl\u00fcsse\u201d", True),
        ("Mu\u0308ller", "M\u00fcller", True),
        ("\u010capek", "Capek", False),
        ("\u0141\u00f3d\u017a", f"{BOX}\u00f3dz", False),
        ("\u6c34\u306e\u672c", BOX * 3, False),
        ("\u0643\u062a\u0627\u0628", BOX * 4, False),
        ("a\tb\nc", "a b c", True),
        ("a\x00b\u202ec", "abc", False),
        ("", "", True),
    ],
)
def test_what_helvetica_has_is_printed_and_the_rest_is_marked(
    text: str, printed: str, is_whole: bool
) -> None:
    assert (printable(text), whole(text)) == (printed, is_whole)


def read(file: bytes) -> list[str]:
    """What each page draws, found by the table at the end, as a reader does it."""
    assert file.startswith(b"%PDF-1.4\n")
    table = int(re.findall(rb"startxref\n(\d+)\n%%EOF\n$", file)[0])
    assert file[table:].startswith(b"xref\n0 ")
    rows = re.findall(rb"(\d{10}) 00000 n \n", file[table:])
    objects = {}
    for number, row in enumerate(rows, 1):
        begin = int(row)
        head = b"%d 0 obj\n" % number
        assert file[begin : begin + len(head)] == head
        objects[number] = file[begin + len(head) : file.index(b"\nendobj\n", begin)]
    assert f"/Size {len(rows) + 1} ".encode() in file[table:]
    kids = [int(one) for one in re.findall(rb"(\d+) 0 R", objects[2].split(b"/Kids")[1].split(b"]")[0])]
    assert f"/Count {len(kids)} ".encode() in objects[2]
    pages = []
    for kid in kids:
        assert b"/Type /Page /Parent 2 0 R" in objects[kid]
        stream = objects[int(re.findall(rb"/Contents (\d+) 0 R", objects[kid])[0])]
        length = int(re.findall(rb"/Length (\d+)", stream)[0])
        packed = stream.split(b"stream\n", 1)[1]
        assert packed[length:] == b"\nendstream"
        pages.append(zlib.decompress(packed[:length]).decode("ascii"))
    return pages


def words(page: str) -> str:
    """The text that is drawn."""
    found = re.findall(r"\(((?:[^()\\]|\\\d{3})*)\) Tj", page)
    return " ".join(
        re.sub(r"\\(\d{3})", lambda one: bytes([int(one[1], 8)]).decode("cp1252"), t) for t in found
    )


def test_pages_hold_everything_in_order_and_no_block_is_cut_that_fits() -> None:
    blocks = [
        [Line(f"Heading {at}", 15, bold=True), *[Line(f"line {at}.{row}") for row in range(9)]]
        for at in range(20)
    ]

    pages = read(pdf(blocks, title="Slips \u6c34", at=AT))

    assert len(pages) > 2
    for at in range(20):
        (page,) = [page for page in pages if f"Heading {at} " in words(page)]
        assert all(f"line {at}.{row}" in words(page) for row in range(9))
    assert all(f"{number} / {len(pages)}" in words(page) for number, page in enumerate(pages, 1))
    assert pdf(blocks, title="Slips \u6c34", at=AT) == pdf(blocks, title="Slips \u6c34", at=AT)


def test_a_box_is_drawn_for_a_letter_that_is_missing() -> None:
    (page,) = read(pdf([[Line("ab\u6c34\u6c34cd")]], title="x", at=AT))

    assert page.count(" re S") == 2
    assert words(page).startswith("ab cd")


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.lists(st.builds(Line, st.text(max_size=120), st.sampled_from([8.0, 15.0])), max_size=4), max_size=8
    )
)
def test_whatever_is_written_makes_a_file_that_stays_on_its_pages(blocks: list[list[Line]]) -> None:
    for page in read(pdf(blocks, title="t", at=AT)):
        for x, y in re.findall(r"Tf (\d+\.\d) (-?\d+\.\d) Td", page):
            assert MARGIN <= float(x) < WIDTH - MARGIN
            assert MARGIN / 2 < float(y) < HEIGHT - MARGIN
