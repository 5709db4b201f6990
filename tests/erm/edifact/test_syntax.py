"""EDIFACT's syntax: whatever separators a file names, what is written is read; what is not whole is told its place."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydifact.segmentcollection import Interchange as Peer

from erm.edifact.envelope import Address, enclosed, read_file
from erm.edifact.syntax import (
    DEFAULT,
    Segment,
    Separators,
    Unreadable,
    expressible,
    segments,
    separators_at,
    written,
)
from support.acquiring import NOW
from support.trading import interchange, invoice, message

MARKS = st.lists(st.sampled_from(":+.?'*|~^!;#\x1d\x1c\x1f"), min_size=5, max_size=5, unique=True).map(
    lambda told: Separators(told[0], told[1], told[2], told[3], " ", told[4])
)
TEXTS = st.text(
    st.characters(exclude_categories=["C", "Zl", "Zp", "Zs"]) | st.sampled_from(":+.?'*|~ "), max_size=12
)
ELEMENTS = st.lists(st.lists(TEXTS, min_size=1, max_size=3).map(tuple), max_size=4).map(tuple)


def plain(segment: Segment) -> tuple[Any, ...]:
    """Without what is left out at the ends, which says the same."""
    elements = []
    for element in segment.elements:
        components = list(element)
        while components and not components[-1]:
            components.pop()
        elements.append(tuple(components))
    while elements and not elements[-1]:
        elements.pop()
    return segment.tag, tuple(elements)


@settings(max_examples=60, deadline=None)
@given(
    MARKS, st.lists(st.builds(Segment, st.sampled_from(["BGM", "FTX", "LIN", "UX1"]), ELEMENTS), max_size=4)
)
def test_what_is_written_is_read_whatever_the_separators(marks: Separators, told: list[Segment]) -> None:
    text = f"UNA{marks}" + written(told, marks)

    read, at = separators_at(text, 0)

    printable = all(str(mark).isprintable() for mark in str(marks))
    assert read == marks
    if printable:
        assert [plain(each) for each in segments(text[at:], read)] == [plain(each) for each in told]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_file_is_our_fault(content: bytes) -> None:
    for told in (content, b"UNA:+.? '" + content, interchange(message("INVOIC"))[:60] + content):
        with suppress(Unreadable):  # and nothing else
            read_file(told)


WHOLE = interchange(invoice("I?+1", "FTX+AAI+++d?'or ?? 1?:1"), invoice("I-2"))


def test_a_file_that_was_cut_off_is_told_so_wherever() -> None:
    cut = {"file-empty", "file-incomplete", "segment-unterminated", "una-malformed"}
    for length in range(len(WHOLE) - 1):
        with pytest.raises(Unreadable) as told:
            read_file(WHOLE[:length])

        assert told.value.flaws[-1].code in cut, WHOLE[:length]


def changed(old: str, new: str) -> bytes:
    assert old in WHOLE.decode()
    return WHOLE.decode().replace(old, new).encode()


@pytest.mark.parametrize(
    ("content", "code", "place"),
    [
        (changed("UNZ+2", "UNZ+3"), "count-differs", "Segment 15, line 1"),
        (changed("UNZ+2+77", "UNZ+2+78"), "reference-differs", "Segment 15, line 1"),
        (changed("UNZ+2+77'", "UNT+2+77'"), "segment-misplaced", "Segment 15, line 1"),
        (changed("+270301:0800+77", "+270301:0800+"), "unb-incomplete", "Segment 1, line 1"),
        (changed("UNH+1+INVOIC", "unh+1+INVOIC"), "segment-tag-malformed", "Segment 2, line 1"),
        (changed("CUX+2", "\r\n\r\nCUX+2\x00"), "control-character", "Segment 5, line 3"),
        (changed("UNA:+.? '", "UNA::.? '"), "una-malformed", "Segment 1, line 1"),
        (changed("UNOC", "UNOX"), "character-set-unknown", "Segment 1, line 1"),
        (WHOLE.replace(b"UNB+UNOC:3+", b"BGM+380+"), "unb-missing", "Segment 1, line 1"),
        (b"%PDF-1.4 ...", "segment-unterminated", "Segment 1, line 1"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(content: bytes, code: str, place: str) -> None:
    with pytest.raises(Unreadable) as told:
        read_file(content)

    assert (told.value.flaws[0].code, told.value.flaws[0].told[: len(place)]) == (code, place)


def test_a_message_whose_end_does_not_fit_is_told_and_the_others_are_whole() -> None:
    (told,) = read_file(interchange(message("INVOIC", "BGM+380", count=9), message("INVOIC", "BGM+380")))

    assert [[flaw.code for flaw in each.flaws] for each in told.messages] == [["count-differs"], []]


def test_a_file_holds_several_interchanges_each_with_its_own_separators() -> None:
    other = interchange(invoice("I-3"), reference="78").decode().replace("+", "*").replace("UNA:*", "UNA:*")

    one, two = read_file(WHOLE + b"\r\n" + other.encode())

    assert (one.reference, two.reference, two.separators.element) == ("77", "78", "*")
    assert [len(each.messages) for each in (one, two)] == [2, 1]


def test_functional_groups_are_counted() -> None:
    group = f"UNG+INVOIC+A+B+270301:0800+5+UN+D:96A'{invoice('I-1')}{invoice('I-2')}UNE+2+5'"
    content = interchange(group)

    (told,) = read_file(content)
    with pytest.raises(Unreadable) as wrong:
        read_file(content.replace(b"UNE+2+5", b"UNE+1+6"))

    assert len(told.messages) == 2
    assert [flaw.code for flaw in wrong.value.flaws] == ["count-differs", "reference-differs"]


def test_line_ends_between_segments_say_nothing_and_within_one_they_are_told() -> None:
    wrapped = WHOLE.replace(b"'", b"'\r\n").replace(b"?'\r\n", b"?'")
    broken = WHOLE.replace(b"DTM+137", b"DT\r\nM+137")

    (plain_one,), (wrapped_one,), (broken_one,) = read_file(WHOLE), read_file(wrapped), read_file(broken)

    assert plain_one.digest == wrapped_one.digest == broken_one.digest
    assert [each.digest for each in plain_one.messages] == [each.digest for each in wrapped_one.messages]
    assert (wrapped_one.findings, [flaw.code for flaw in broken_one.findings]) == ([], ["lines-broken"])


@pytest.mark.parametrize(
    ("content", "found", "findings"),
    [
        ("é".encode("latin-1"), "é", []),
        ("é".encode(), "é", ["character-set-differs"]),
    ],
    ids=["Latin-1, as it says", "UTF-8, and says Latin-1"],
)
def test_letters_are_read_as_they_are(content: bytes, found: str, findings: list[str]) -> None:
    (told,) = read_file(interchange(invoice("N-@")).replace(b"@", content))

    assert f"N-{found}" in told.messages[0].text
    assert [flaw.code for flaw in told.findings] == findings


@pytest.mark.parametrize(
    ("level", "text", "told"),
    [
        ("UNOC", "Les Misérables – Łódź", "Les Misérables - Lódz"),
        ("UNOB", "Œuvres: straße", "OEuvres: strasse"),
        ("UNOA", "naïve [x] 日", "NAIVE .X. ."),
        ("UNOY", "日本\n語", "日本 語"),
    ],
)
def test_letters_that_a_character_set_has_not_become_others(level: str, text: str, told: str) -> None:
    assert expressible(text, level) == told


@pytest.mark.filterwarnings("ignore:segments.xml not found")
@settings(max_examples=25, deadline=None)
@given(st.lists(ELEMENTS, min_size=1, max_size=4))
def test_another_reader_reads_what_is_written_and_is_read(bodies: list[Any]) -> None:
    body = [Segment("UNH", (("1",), ("ORDERS", "D", "96A", "UN")))]
    body += [Segment("FTX", (("AAI",), *elements, ("end",))) for elements in bodies]
    told = list(
        enclosed(
            [body],
            sender=Address("A", "14"),
            recipient=Address("B", "14"),
            level="UNOY",
            reference="7",
            at=NOW,
        )
    )

    peer = Peer.from_str(
        f"UNA{DEFAULT}{written(told)}".replace("UNOY:4", "UNOC:3").replace("20270301:", "270301:")
    )

    (theirs,) = peer.get_messages()
    found = [(each.tag, [[part] if isinstance(part, str) else list(part) for part in each.elements])
             for each in theirs.segments if each.tag == "FTX"]  # fmt: skip
    ours = [plain(Segment(tag, tuple(tuple(part) for part in parts))) for tag, parts in found]
    assert ours == [plain(each) for each in body[1:]]
    (back,) = read_file(peer.serialize().encode())
    again = [plain(each) for each in segments(back.messages[0].text, back.separators) if each.tag == "FTX"]
    assert again == ours
