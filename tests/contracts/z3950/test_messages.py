"""What a client of Z39.50 says and hears, byte by byte, and what wrong bytes come to."""

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.z3950 import ber, client, opac
from contracts.z3950.ber import Element, NotBer, Unfinished
from contracts.z3950.client import NoAnswer


def test_requests_are_what_the_standard_says() -> None:
    element, end = ber.read(client.search("Default", {"isbn": "123", "title": "x"}))

    assert (element.kind, element.tag, end) == (
        ber.CONTEXT,
        22,
        len(client.search("Default", {"isbn": "123", "title": "x"})),
    )
    query = element.find(21, 1)
    assert query is not None
    assert query.parts[0].content == bytes.fromhex("2a8648ce130301")
    tree = query.find(1)
    assert tree is not None
    terms = [part.find(102, 45) for part in tree.parts[:2]]
    assert [term.content for term in terms if term is not None] == [b"123", b"x"]
    uses = [part.find(102, 44) for part in tree.parts[:2]]
    assert [use.parts[0].parts[1].number for use in uses if use is not None] == [7, 4]


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (Element(ber.CONTEXT, client.CLOSE), "hung up"),
        (Element(ber.CONTEXT, 99), "no answer of Z39.50"),
        (
            ber.read(ber.written(ber.CONTEXT, 23, [ber.written(ber.CONTEXT, 23, b"\x05")]))[0],
            "could not search",
        ),
        (
            ber.read(
                ber.written(
                    ber.CONTEXT,
                    23,
                    [
                        ber.written(
                            ber.CONTEXT,
                            130,
                            [
                                ber.written(ber.UNIVERSAL, 6, ber.oid("1.2.840.10003.4.1")),
                                ber.written(ber.UNIVERSAL, 2, ber.integer(114)),
                                ber.written(ber.UNIVERSAL, 26, b"7"),
                            ],
                        )
                    ],
                )
            )[0],
            r"unsupported use attribute \(7\)",
        ),
    ],
    ids=["close", "other", "status", "diagnostic"],
)
def test_what_is_no_result_is_told_as_such(told: Element, why: str) -> None:
    with pytest.raises(NoAnswer, match=why):
        client.counted(told)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60))
def test_wrong_bytes_are_wrong_and_nothing_worse(told: bytes) -> None:
    with contextlib.suppress(NotBer):
        _, end = ber.read(told)
        assert 0 < end <= len(told)


@given(st.integers(0, 60_000), st.binary(max_size=300), st.integers(-(2**40), 2**40))
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read_again_and_half_of_it_is_waited_for(
    tag: int, content: bytes, number: int
) -> None:
    whole = ber.written(ber.CONTEXT, tag, [ber.written(ber.UNIVERSAL, 4, content)])

    element, end = ber.read(whole + b"more")

    assert (element.tag, element.parts[0].content, end) == (tag, content, len(whole))
    assert Element(0, 2, ber.integer(number)).number == number
    with pytest.raises(Unfinished):
        ber.read(whole[:-1])


@pytest.mark.parametrize(
    "wrong",
    [
        b"\xa0\x80" * 40,
        b"\x04\x80",
        b"\x04\x85\x01\x01\x01\x01\x01",
        b"\xbf\xff\xff\xff\x7f",
        b"\x30\x02\x04\x09",
    ],
)
def test_ber_that_is_out_of_bounds_is_refused(wrong: bytes) -> None:
    with pytest.raises(NotBer):
        ber.read(wrong)


def test_an_indefinite_length_ends_with_its_sign() -> None:
    element, end = ber.read(b"\x30\x80\x04\x01a\x04\x01b\x00\x00rest")

    assert ([part.content for part in element.parts], element.text, end) == ([b"a", b"b"], "ab", 10)


def test_a_message_of_very_many_elements_is_not_read_to_its_end() -> None:
    many = ber.written(ber.UNIVERSAL, 16, [b"\x05\x00" * (ber.MOST + 1)])

    with pytest.raises(NotBer, match="too many"):
        ber.read(many)


def text(tag: int, told: str) -> bytes:
    return ber.written(ber.CONTEXT, tag, told.encode())


def external(syntax: str, *, tag: int, value: bytes) -> bytes:
    """An EXTERNAL's content: which syntax, and the record by octets (1) or as one value (0)."""
    held = value if tag else [value]
    return b"".join([ber.written(ber.UNIVERSAL, 6, ber.oid(syntax)), ber.written(ber.CONTEXT, tag, held)])


def holding(*states: bool, place: str = "Main") -> bytes:
    copies = [
        ber.written(ber.UNIVERSAL, 16, [ber.written(ber.CONTEXT, 1, b"\xff" if state else b"\x00")])
        for state in states
    ]
    parts = [text(8, "XX-ONE"), text(9, place), text(10, "Stacks"), text(11, "QB 1")]
    return ber.written(ber.CONTEXT, 2, [*parts, *([ber.written(ber.CONTEXT, 19, copies)] if copies else [])])


def presented(*records: bytes) -> Element:
    """A present response with these EXTERNALs."""
    named = [
        ber.written(ber.UNIVERSAL, 16, [ber.written(ber.CONTEXT, 1, [ber.written(ber.CONTEXT, 1, [record])])])
        for record in records
    ]
    return ber.read(ber.written(ber.CONTEXT, client.PRESENT_RESPONSE, [ber.written(ber.CONTEXT, 28, named)]))[
        0
    ]


def opac_record(*holdings: bytes, marc: bytes = b"00026") -> bytes:
    bibliographic = ber.written(ber.CONTEXT, 1, [external(client.MARC21, tag=1, value=marc)])
    return ber.written(ber.UNIVERSAL, 16, [bibliographic, ber.written(ber.CONTEXT, 2, list(holdings))])


@pytest.mark.parametrize(
    ("states", "available"),
    [((), None), ((True,), True), ((False,), False), ((False, True), True), ((False, False), False)],
)
def test_an_opac_record_tells_where_its_copies_are_and_whether_one_is_in(
    states: tuple[bool, ...], available: bool | None
) -> None:
    marc_holding = ber.written(ber.CONTEXT, 1, [external(client.MARC21, tag=1, value=b"x")])
    told = external(client.OPAC, tag=0, value=opac_record(holding(*states), marc_holding))

    found = client.presented(presented(told))

    assert (len(found.opac), found.records, found.unreadable) == (1, [], 0)
    record = opac.read(found.opac[0])
    assert record.marc == b"00026"
    assert record.holdings == (opac.Holding("XX-ONE", "Main", "Stacks", "QB 1", available),)


def test_records_in_other_formats_are_counted_and_not_read() -> None:
    sutrs = external("1.2.840.10003.5.101", tag=1, value=b"text")
    wrong = external(client.MARC21, tag=0, value=opac_record())
    marc = external(client.MARC21, tag=1, value=b"00026")

    found = client.presented(presented(sutrs, wrong, marc))

    assert (found.records, found.opac, found.unreadable) == ([b"00026"], [], 2)


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(st.binary(max_size=8), lambda parts: st.lists(parts, max_size=4), max_leaves=12), st.data()
)
def test_an_opac_record_of_any_shape_is_read_as_far_as_it_is_one(
    shape: bytes | list[Any], data: st.DataObject
) -> None:
    def built(part: bytes | list[Any]) -> bytes:
        tag = data.draw(st.integers(0, 20))
        content = part if isinstance(part, bytes) else [built(one) for one in part]
        return ber.written(ber.CONTEXT, tag, content)

    opac.read(ber.read(built(shape))[0])
