"""Lines of campus files: cut wherever the stream is cut, read or told what is wrong with them."""

from collections.abc import AsyncIterator

import pytest

from circulation.loading.lines import LONGEST, cut, header_of, read

COLUMNS = ["external_id", "family_name", "email"]


async def pieces(whole: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(whole), size):
        yield whole[start : start + size]


@pytest.mark.parametrize("size", [1, 2, 7, 10_000])
@pytest.mark.parametrize(
    ("whole", "quoted", "lines"),
    [
        (b"", False, []),
        (b"a\nb", False, [b"a", b"b"]),
        (b"a\r\n\r\n\nb\r\n", False, [b"a", b"b"]),
        (b'a,"x\ny"\nb,z\n', True, [b'a,"x\ny"', b"b,z"]),
        (b'{"a": "\\"}\n{}', False, [b'{"a": "\\"}', b"{}"]),
        (b'"never closed\nx', True, [b'"never closed\nx']),
    ],
)
async def test_lines_are_the_same_wherever_the_stream_is_cut(
    whole: bytes, quoted: bool, lines: list[bytes], size: int
) -> None:
    assert [line async for line in cut(pieces(whole, size), quoted=quoted)] == lines


@pytest.mark.parametrize("size", [1000, 100_000, 1_000_000])
async def test_of_a_huge_line_only_the_beginning_is_held(size: int) -> None:
    whole = b"x" * (3 * LONGEST) + b"\nnext\n"

    first, second = [line async for line in cut(pieces(whole, size), quoted=False)]

    assert len(first) == LONGEST + 1
    assert second == b"next"
    assert [each.code for each in read(first, columns=None).wrong] == ["line-too-long"]


@pytest.mark.parametrize(
    ("line", "columns", "pointers"),
    [
        (b"{", None, [("line-unreadable", "")]),
        (b"[]", None, [("line-unreadable", "")]),
        (b"\xff", None, [("line-unreadable", "")]),
        (b'{"external_id": "1", "family_name": "\\ud800"}', None, [("line-unreadable", "")]),
        (b'{"external_id": "1", "family_name": "\\u0000"}', None, [("unstorable-value", "")]),
        (b"{}", None, [("missing", "/external_id")]),
        (b'{"external_id": "1", "owed": 0}', None, [("extra-forbidden", "/owed")]),
        (b'{"external_id": "1", "group": null}', None, [("value-missing", "/group")]),
        (
            b'{"external_id": "1", "expires_at": "2027-10-01T00:00:00"}',
            None,
            [("timezone-aware", "/expires_at")],
        ),
        (b"1,Lovelace", COLUMNS, [("line-unreadable", "")]),
        (b",Lovelace,ada@example.org", COLUMNS, [("string-type", "/external_id")]),
        (b"1,Lovelace,nobody", COLUMNS, [("string-pattern-mismatch", "/email")]),
        (b"1,\xe9,ada@example.org", COLUMNS, [("line-unreadable", "")]),
    ],
)
def test_a_line_that_makes_no_sense_says_where(
    line: bytes, columns: list[str] | None, pointers: list[tuple[str, str]]
) -> None:
    assert [(each.code, each.pointer) for each in read(line, columns=columns).wrong] == pointers


def test_an_empty_cell_empties_and_a_missing_column_leaves_alone() -> None:
    found = read(b'1,"Love, Ada",', columns=COLUMNS)

    assert (found.external_id, found.told, found.wrong) == (
        "1",
        {"family_name": "Love, Ada", "email": None},
        (),
    )


@pytest.mark.parametrize(
    ("first", "codes"),
    [
        (b"external_id,family_name", []),
        ("\ufeffexternal_id,family_name".encode(), []),
        (b"family_name", ["column-missing"]),
        (b"external_id,shoe_size", ["column-unknown"]),
        (b"external_id,email,email", ["column-repeated"]),
        (b"\xff", ["header-unreadable"]),
    ],
)
def test_columns_are_those_of_patrons(first: bytes, codes: list[str]) -> None:
    assert [each.code for each in header_of(first)[1]] == codes
