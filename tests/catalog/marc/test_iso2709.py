"""ISO 2709: healthy records in any chunks, each kind of damage named, nothing written that cannot be read."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.marc import iso2709
from catalog.marc.framing import frames
from catalog.marc.problems import Fault, Read
from catalog.marc.record import Field, Record
from support.marc_records import LEADER, RECORDS, book


def raw(number: int = 1) -> bytes:
    return iso2709.dumps(book(number))


def faults(found: Read) -> set[Fault]:
    return {problem.code for problem in found.problems}


def numbers(reads: list[Read]) -> list[str | None]:
    return [found.record.control("001") if found.record else None for found in reads]


@given(RECORDS)
def test_any_record_comes_back_from_utf8(record: Record) -> None:
    found = iso2709.loads(iso2709.dumps(record), "strict")

    assert found.problems == []
    assert found.record is not None
    assert found.record.fields() == record.fields()


@given(RECORDS)
def test_any_record_comes_back_from_marc8(record: Record) -> None:
    coded = iso2709.dumps(record, "marc-8")

    found = iso2709.loads(coded, "strict")

    assert coded[9:10] == b" "
    if "\ufffd" not in str(record):
        assert found.problems == []
    assert found.record is not None
    assert found.record.fields() == record.fields()


@settings(max_examples=60)
@given(st.lists(RECORDS, max_size=4), st.integers(1, 50))
def test_chunks_of_any_size_give_the_same_records(records: list[Record], size: int) -> None:
    whole = b"".join(map(iso2709.dumps, records))
    chunks = [whole[at : at + size] for at in range(0, len(whole), size)]

    reads = list(iso2709.read(chunks))

    assert [found.record.fields() for found in reads if found.record] == [r.fields() for r in records]
    assert b"".join(found.raw for found in reads) == whole
    assert [found.ordinal for found in reads] == list(range(len(records)))
    assert [whole[found.position : found.position + len(found.raw)] for found in reads] == [
        r.raw for r in reads
    ]


def test_a_file_is_never_read_whole() -> None:
    taken = 0

    def chunks() -> object:
        nonlocal taken
        for number in range(10_000):
            taken += 1
            yield raw(number)

    reads = iso2709.read(chunks())  # type: ignore[arg-type]

    assert next(reads).record is not None
    assert taken < 1_000


def test_combining_marks_are_composed_and_stay_in_their_subfield() -> None:
    record = Record(LEADER, [Field.data("245", "10", ("a", "Cafe\u0301"), ("a", "\u0301 stray"))])

    found = iso2709.loads(iso2709.dumps(record))

    assert found.problems == []
    assert found.record is not None
    assert found.record.fields() == [Field.data("245", "10", ("a", "Café"), ("a", "\u0301 stray"))]


def swapped(at: int, new: bytes) -> Callable[[bytes], bytes]:
    return lambda record: record[:at] + new + record[at + len(new) :]


def lost_first_terminator(record: bytes) -> bytes:
    at = record.index(b"\x1e", int(record[12:17]))
    return record[:at] + b"#" + record[at + 1 :]


def wrapped_lines(record: bytes) -> bytes:
    return b"\r\n".join(record[at : at + 80] for at in range(0, len(record), 80))


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda record: record.replace(old, new, 1)


@pytest.mark.parametrize(
    ("damage", "expected", "intact"),
    [
        (swapped(0, b"00100"), {Fault.RECORD_LENGTH}, True),
        (swapped(0, b"99999"), {Fault.RECORD_LENGTH}, True),
        (swapped(0, b"abcde"), {Fault.RECORD_LENGTH}, True),
        (swapped(12, b"00024"), {Fault.BASE_ADDRESS}, True),
        (swapped(12, b"xxxxx"), {Fault.BASE_ADDRESS}, True),
        (swapped(27, b"0099"), {Fault.FIELD_LENGTH}, True),
        (swapped(43, b"99999"), {Fault.FIELD_LENGTH}, True),
        (swapped(43, b"four5"), {Fault.DIRECTORY, Fault.FIELD_LENGTH}, True),
        (swapped(24, b"\xff01"), {Fault.DIRECTORY}, False),
        (swapped(5, b"\xff"), {Fault.LEADER}, True),
        (swapped(10, b"  "), {Fault.FIXED_POSITIONS}, True),
        (lost_first_terminator, {Fault.FIELD_LENGTH}, True),
        (wrapped_lines, {Fault.LINE_BREAKS}, True),
        (lambda record: record[:-1], {Fault.RECORD_TERMINATOR}, True),
        (lambda record: record[:-1] + b"#", {Fault.RECORD_TERMINATOR}, True),
        (lambda record: record[:-40], {Fault.TRUNCATED, Fault.FIELD_LOST}, False),
        (lambda record: record[:100], {Fault.TRUNCATED}, False),
        (replaced(b"Pride", b"Prid\x1d"), {Fault.RECORD_TERMINATOR, Fault.CHARACTERS}, False),
        (replaced(b"Pride", b"Prid\x1e"), {Fault.CHARACTERS}, False),
        (replaced(b"Pride", b"Prid\x00"), {Fault.CHARACTERS}, False),
        (replaced(b"Pride", b"Prid\xff"), {Fault.CHARACTERS}, False),
        (replaced(b"10\x1fa", b"1\x1f\x1fa"), {Fault.INDICATORS, Fault.SUBFIELDS}, False),
        (replaced(b"10\x1faPri", b"10Pri\x1fa"), {Fault.INDICATORS}, False),
        (replaced(b"\x1faPride", b"\x1f\x02Pride"), {Fault.SUBFIELDS, Fault.CHARACTERS}, False),
        (lambda record: b"\r\n" + record, {Fault.PADDING}, True),
    ],
)
def test_each_damage_is_named_and_costs_no_neighbour(
    damage: Callable[[bytes], bytes], expected: set[Fault], intact: bool
) -> None:
    reads = list(iso2709.read(raw(1) + damage(raw(2)) + raw(3)))

    assert numbers(reads)[0] == "b1"
    assert numbers(reads)[-1] == "b3"
    assert reads[0].problems == reads[-1].problems == []
    assert len(reads) == 3
    assert expected <= faults(reads[1])
    if intact:
        assert reads[1].record is not None
        assert expected == faults(reads[1])
        assert [field.tag for field in reads[1].record] == [field.tag for field in book(2)]
        assert reads[1].record.fields() == book(2).fields()


@pytest.mark.parametrize("damage", [swapped(0, b"00100"), wrapped_lines, replaced(b"Pride", b"Prid\xff")])
def test_strict_reading_rejects_what_lenient_reading_mends(damage: Callable[[bytes], bytes]) -> None:
    whole = raw(1) + damage(raw(2)) + raw(3)

    assert numbers(list(iso2709.read(whole, "strict"))) == ["b1", None, "b3"]
    assert numbers(list(iso2709.read(whole, "lenient"))) == ["b1", "b2", "b3"]


def test_blank_space_between_records_is_harmless() -> None:
    whole = raw(1) + b"\r\n" + raw(2) + b"\n\x00\x1a"

    reads = list(iso2709.read(whole, "strict"))

    assert numbers(reads) == ["b1", "b2"]
    assert faults(reads[1]) == {Fault.PADDING}


@pytest.mark.parametrize("nothing", [b"", b"\r\n", b"\x00" * 100, b"\x1a"])
def test_an_empty_file_has_no_records_and_no_faults(nothing: bytes) -> None:
    assert list(iso2709.read(nothing)) == []


def test_garbage_between_records_is_reported_once() -> None:
    reads = list(iso2709.read(raw(1) + b"<html>an error page</html>" + raw(2)))

    assert numbers(reads) == ["b1", None, "b2"]
    assert faults(reads[1]) == {Fault.GARBAGE}
    assert reads[1].raw == b"<html>an error page</html>"


def test_a_file_of_something_else_is_garbage() -> None:
    reads = list(iso2709.read(b"%PDF-1.7\n" + bytes(range(28)) * 50))

    assert reads
    assert all(found.record is None for found in reads)


def test_a_record_beyond_the_limit_is_skipped_and_only_its_beginning_kept() -> None:
    def chunks() -> object:
        yield raw(1)
        yield raw(2)[:-1]
        for _ in range(400):
            yield b"x" * 10_000
        yield b"\x1d" + raw(3)

    reads = list(iso2709.read(chunks(), max_record=1_000_000))  # type: ignore[arg-type]

    assert numbers(reads) == ["b1", None, "b3"]
    assert faults(reads[1]) == {Fault.TOO_LONG}
    assert len(reads[1].raw) < 100_000


def test_a_record_longer_than_five_digits_can_say_is_mended() -> None:
    long = Record(LEADER, [*book().fields(), *[Field.data("500", "  ", ("a", "note " * 200))] * 150])
    fields = [field.text().encode() + b"\x1e" for field in long]
    at, directory = 0, b""
    for field, text in zip(long, fields, strict=True):
        directory += f"{field.tag}{len(text):04d}{min(at, 99_999):05d}".encode()
        at += len(text)
    base = 24 + len(directory) + 1
    told = f"99999nam a22{base:05d} i 4500".encode() + directory + b"\x1e" + b"".join(fields) + b"\x1d"

    reads = list(iso2709.read(raw(2) + told + raw(3)))

    assert numbers(reads) == ["b2", "b1", "b3"]
    assert reads[1].record is not None
    assert reads[1].record.fields() == long.fields()
    assert faults(reads[1]) == {Fault.RECORD_LENGTH, Fault.FIELD_LENGTH}


def test_utf8_that_calls_itself_marc8_is_read_as_utf8_and_said() -> None:
    lying = swapped(9, b" ")(raw())

    found = iso2709.loads(lying)

    assert faults(found) == {Fault.ENCODING}
    assert found.record is not None
    assert found.record.get("260", "a") == "Édinbourg :"
    assert found.record.leader[9] == "a"


def test_marc8_that_calls_itself_utf8_is_read_as_marc8_and_said() -> None:
    record = Record(LEADER, [Field.data("245", "10", ("a", "Dvořák, Antonín"), ("b", "Élie"))])
    lying = swapped(9, b"a")(iso2709.dumps(record, "marc-8"))

    found = iso2709.loads(lying)

    assert faults(found) == {Fault.ENCODING}
    assert found.record is not None
    assert found.record.fields() == record.fields()


def test_fields_may_stand_in_another_order_than_the_directory() -> None:
    texts = b"b1 \x1e10\x1faTitle.\x1e  \x1faNote..\x1e\x1d"
    whole = (
        b"%05dnam a2200061 i 4500" % (61 + len(texts)) + b"245001100004001000400000500001100015\x1e" + texts
    )

    found = iso2709.loads(whole)

    assert found.record is not None
    assert [field.tag for field in found.record] == ["245", "001", "500"]
    assert found.record.get("245", "a") == "Title."
    assert found.problems == []


@pytest.mark.parametrize(
    "record",
    [
        Record(LEADER, [Field.data("500", "  ", ("a", "x" * 10_000))]),
        Record(LEADER, [Field.data("500", "  ", ("a", "x" * 9_000))] * 12),
    ],
)
def test_a_record_too_long_for_iso_2709_is_refused(record: Record) -> None:
    with pytest.raises(iso2709.TooLong):
        iso2709.dumps(record)


@pytest.mark.parametrize(
    "field",
    [
        Field.data("245", "10", ("a", "a\x1fb")),
        Field.data("245", "10", ("a", "a\x1eb")),
        Field.data("245", "10", ("", "no code")),
        Field.data("245", "10", ("ab", "two")),
        Field.data("24", "10", ("a", "short tag")),
        Field.data("24é", "10", ("a", "odd tag")),
        Field.data("001", "10", ("a", "a control field")),
        Field.control("245", "a data field"),
        Field.control("001", "a\x1d"),
        Field.data("245", "10", ("a", "half a pair \ud800")),
        Field.from_parts("245", "", "", [("a", "no indicators")]),
    ],
)
def test_what_a_reader_would_not_find_again_is_not_written(field: Field) -> None:
    for charset in ("utf-8", "marc-8"):
        with pytest.raises(iso2709.Inexpressible):
            iso2709.dumps(Record(LEADER, [field]), charset)


@settings(max_examples=400)
@given(st.data())
def test_one_wrong_byte_never_raises_never_passes_unmarked_and_never_swallows_a_neighbour(
    data: st.DataObject,
) -> None:
    whole = [raw(number) for number in range(1, 6)]
    middle = bytearray(whole[2])
    at = data.draw(st.integers(0, len(middle) - 1))
    kind = data.draw(st.sampled_from(["replace", "delete", "insert"]))
    byte = data.draw(st.integers(0, 255))
    if kind == "replace":
        middle[at] = byte
    elif kind == "delete":
        del middle[at]
    else:
        middle.insert(at, byte)

    reads = list(iso2709.read(b"".join([*whole[:2], bytes(middle), *whole[3:]])))

    found = numbers(reads)
    assert found[:2] == ["b1", "b2"]
    assert found[-2:] == ["b4", "b5"]
    assert len(reads) <= 7
    if bytes(middle) != whole[2] and not any(problem for read in reads for problem in read.problems):
        # Unmarked only where any text would do: one letter, digit or blank for another, or a delimiter that
        # makes a subfield of what follows it, which is as well formed as before; or half of a letter for another
        # half, which makes another letter (É and À differ in one byte of two).
        assert kind == "replace"
        assert 0x20 <= byte < 0x7F or byte in b"\t\r\n\x1f" or min(byte, whole[2][at]) >= 0x80


def test_a_subfield_mark_with_nothing_behind_it_at_the_very_end_is_named() -> None:
    """Only a mark in the record's last field has nothing at all behind it, not even another field."""
    record = Record(LEADER, [Field.control("001", "b1"), Field.data("245", "10", ("a", "Pride"), ("b", "x"))])
    dangling = iso2709.dumps(record).replace(b"\x1fbx\x1e", b"zz\x1f\x1e")

    found = iso2709.loads(dangling)

    assert faults(found) == {Fault.SUBFIELDS}
    assert found.record is not None
    assert found.record.fields("245") == [Field.data("245", "10", ("a", "Pridezz"))]


@settings(max_examples=200)
@given(st.data())
def test_much_damage_never_raises_and_every_byte_is_accounted_for(data: st.DataObject) -> None:
    whole = bytearray(b"".join(raw(number) for number in range(8)))
    for _ in range(data.draw(st.integers(1, 60))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(
            st.sampled_from(b"\x1d\x1e\x1f0 9a\x00\xff\n")
        )

    reads = list(iso2709.read(bytes(whole)))

    end = 0
    for found in reads:
        assert all(isinstance(field.subfields, tuple) for field in found.record or ())
        assert not bytes(whole[end : found.position]).strip(b"\r\n\t \x00\x1a")
        assert bytes(whole[found.position : found.position + len(found.raw)]) == found.raw
        end = found.position + len(found.raw)
    assert not bytes(whole[end:]).strip(b"\r\n\t \x00\x1a")


@given(st.binary(max_size=400))
def test_any_bytes_at_all_are_read_without_raising(noise: bytes) -> None:
    for found in iso2709.read(noise):
        assert all(isinstance(field.subfields, tuple) for field in found.record or ())
    assert sum(len(frame.raw) for frame in frames(noise)) <= len(noise)
