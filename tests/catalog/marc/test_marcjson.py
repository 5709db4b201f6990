"""MARC-in-JSON: one object, an array, one a line; strangers' mistakes named."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.marc import marcjson
from catalog.marc.problems import Fault, Read
from catalog.marc.record import Field, Record
from support.marc_records import LEADER, RECORDS, book


def told(number: int = 1) -> bytes:
    return marcjson.dumps(book(number))


def numbers(reads: list[Read]) -> list[str | None]:
    return [found.record.control("001") if found.record else None for found in reads]


def faults(reads: list[Read]) -> list[set[Fault]]:
    return [{problem.code for problem in found.problems} for found in reads]


@given(st.lists(RECORDS, max_size=3), st.integers(1, 40), st.booleans())
def test_any_record_comes_back_in_chunks_of_any_size(records: list[Record], size: int, lines: bool) -> None:
    whole = b"".join(marcjson.write(records, lines=lines))

    reads = list(marcjson.read([whole[at : at + size] for at in range(0, len(whole), size)], "strict"))

    assert [found.record for found in reads] == records
    assert [found.ordinal for found in reads] == list(range(len(records)))
    for found in reads:
        assert whole[found.position :].startswith(found.raw)


@given(st.lists(RECORDS, max_size=3))
def test_what_we_write_is_json_for_others(records: list[Record]) -> None:
    loaded = json.loads(b"".join(marcjson.write(records)))

    assert [len(entry["fields"]) for entry in loaded] == [len(record) for record in records]


def test_a_record_looks_as_the_format_says() -> None:
    record = Record(LEADER, [Field.control("001", "x"), Field.data("245", "10", ("a", "A"), ("a", "B"))])

    assert json.loads(marcjson.dumps(record)) == {
        "leader": LEADER,
        "fields": [{"001": "x"}, {"245": {"ind1": "1", "ind2": "0", "subfields": [{"a": "A"}, {"a": "B"}]}}],
    }


@pytest.mark.parametrize(
    "whole",
    [
        told(1) + told(2),
        told(1) + b"\n" + told(2) + b"\n",
        b"[" + told(1) + b" , " + told(2) + b"]",
        "\ufeff".encode() + b"[\n" + told(1) + b",\n" + told(2) + b"\n]\n",
        json.dumps([json.loads(told(1)), json.loads(told(2))], indent=4).encode(),
    ],
)
def test_one_object_an_array_and_lines_read_alike(whole: bytes) -> None:
    reads = list(marcjson.read(whole, "strict"))

    assert [found.record for found in reads] == [book(1), book(2)]


@pytest.mark.parametrize("nothing", [b"", b"\n", b"[]", b"[\n]"])
def test_nothing_is_no_record_and_no_fault(nothing: bytes) -> None:
    assert list(marcjson.read(nothing)) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (b'"Pride', b'"Pri\\u0000de', Fault.CHARACTERS),
        (b'"Pride', b'"Pri\\ud800de', Fault.CHARACTERS),
        (b'"Pride', b'"Pri\xffde', Fault.CHARACTERS),
        (b'"Pride', b'"Pri\nde', Fault.CHARACTERS),
        (b'{"a":"Pride and prejudice /"}', b'{"a":7}', Fault.FIELD_LOST),
        (b'{"a":"Pride and prejudice /"}', b'["a"]', Fault.FIELD_LOST),
        (b'"ind1":"1",', b"", Fault.INDICATORS),
        (b'"ind1":"1"', b'"ind1":null', Fault.INDICATORS),
        (b'"245":', b'"2450":', Fault.DIRECTORY),
        (b'{"008"', b'{"003":"x","008"', Fault.SYNTAX),
        (b'"leader":"0', b'"leader":"', Fault.LEADER),
        (b'{"a":"Pride', b'{"ab":"Pride', Fault.SUBFIELDS),
    ],
)
def test_what_the_format_does_not_allow_is_said_and_rejected_when_strict(
    old: bytes, new: bytes, fault: Fault
) -> None:
    broken = told(2).replace(old, new, 1)
    assert broken != told(2)
    whole = b"[" + told(1) + b"," + broken + b"," + told(3) + b"]"

    lenient, strict = list(marcjson.read(whole)), list(marcjson.read(whole, "strict"))

    assert numbers(lenient) == ["b1", "b2", "b3"]
    assert numbers(strict) == ["b1", None, "b3"]
    assert fault in faults(lenient)[1]
    assert faults(lenient)[0] == faults(lenient)[2] == set()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"Pride and prejudice /"', b'"Pride and prejudice /'),
        (b'"Pride and prejudice /"', b'Pride and prejudice /"'),
        (b'"245":{', b'"245":'),
        (b"]}}]}", b"]}}]"),
        (b"]}}]}", b""),
        (b'"fields":', b'"fields"'),
        (b'"fields":[', b'"fields":7,"other":['),
    ],
)
@pytest.mark.parametrize("between", [b",", b"\n"])
def test_a_broken_record_costs_no_neighbour(old: bytes, new: bytes, between: bytes) -> None:
    broken = told(2).replace(old, new, 1)
    assert broken != told(2)

    reads = list(marcjson.read(between.join([told(1), broken, told(3), told(4)])))

    assert numbers(reads)[0] == "b1"
    assert numbers(reads)[-2:] == ["b3", "b4"]
    assert reads[1].record is None
    assert reads[1].problems


def test_deep_nesting_is_refused_without_recursion() -> None:
    bomb = b'{"leader":' + b"[" * 100_000 + b"]" * 100_000 + b"}"

    reads = list(marcjson.read(told(1) + bomb + told(2)))

    assert numbers(reads) == ["b1", None, "b2"]
    assert faults(reads)[1] == {Fault.FORBIDDEN}


def test_a_record_beyond_the_limit_is_passed_over() -> None:
    long = marcjson.dumps(book(2).having(*[Field.data("500", "  ", ("a", "x" * 1000))] * 3000))

    reads = list(marcjson.read(b"\n".join([told(1), long, told(3)]), max_record=1_000_000))

    assert numbers(reads) == ["b1", None, "b3"]
    assert faults(reads)[1] == {Fault.TOO_LONG}
    assert len(reads[1].raw) < 100_000


def test_something_else_is_no_record() -> None:
    assert faults(list(marcjson.read(b"not json"))) == [{Fault.GARBAGE}]
    assert faults(list(marcjson.read(b'{"a": 1}'))) == [{Fault.SYNTAX}]
    assert faults(list(marcjson.read(told()[:-9]))) == [{Fault.TRUNCATED}]


@settings(max_examples=200)
@given(st.data())
def test_one_wrong_byte_never_raises_and_never_swallows_more_than_a_neighbour(data: st.DataObject) -> None:
    records = [told(number) for number in range(1, 6)]
    middle = bytearray(records[2])
    at = data.draw(st.integers(0, len(middle) - 1))
    if data.draw(st.booleans()):
        middle[at] = data.draw(st.integers(0, 255))
    else:
        del middle[at]

    found = numbers(list(marcjson.read(b",\n".join([*records[:2], bytes(middle), *records[3:]]))))

    assert found[:2] == ["b1", "b2"]
    assert found[-1:] == ["b5"]


@given(st.binary(max_size=300))
def test_any_bytes_at_all_are_read_without_raising(noise: bytes) -> None:
    list(marcjson.read(noise))
    list(marcjson.read(b'[{"leader":"' + noise))
