"""What a server of Z39.50 hears and says, byte by byte; whatever comes is read, or is wrong and nothing worse."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.z3950 import ber, charsets, client, requests, responses
from contracts.z3950.ber import CONTEXT, UNIVERSAL, NotBer, written
from contracts.z3950.framing import Framing
from contracts.z3950.query import BIB1, Attribute, Joined, Malformed, Named, Operand, Proximity, RpnQuery
from contracts.z3950.requests import (
    InitRequest,
    OtherRequest,
    PresentRequest,
    ScanRequest,
    SearchRequest,
    SortRequest,
)

UTF8_PROPOSED = bytes.fromhex("bf814920301ea41c06072a8648ce130f03a011a10fa10aa208820628d316010008830101")
"""What a client of YAZ says in its Init when it would speak UTF-8, in records, too …"""
MARC8_PROPOSED = bytes.fromhex(
    "bf81492e302ca42a06072a8648ce130f03a01fa11da118a316a214060a2a8648ce130f8768510181066d6172632d38830101"
)
"""… or MARC-8."""


def again(open_ended: bytes) -> bytes:
    """A message with its outermost length left open, as some clients send all of theirs."""
    element, _ = ber.read(open_ended)
    head = open_ended[: 1 if element.tag < 31 else 2]
    return head + b"\x80" + b"".join(map(ber.again, element.parts)) + b"\x00\x00"


MESSAGES = (
    client.initialize(),
    client.search("Default", {"isbn": "123", "title": "x", "any": "y"}),
    client.present(1, 2, client.OPAC),
    again(client.search("Default", {"title": "left open"})),
)


@given(st.lists(st.sampled_from(MESSAGES), max_size=5), st.lists(st.integers(1, 90), min_size=1))
@settings(max_examples=40)
def test_messages_are_found_in_whatever_pieces_they_come(messages: list[bytes], cuts: list[int]) -> None:
    stream, framing, found, at, turn = b"".join(messages), Framing(2000), [], 0, 0
    while at < len(stream):
        size = cuts[turn % len(cuts)]
        framing.feed(stream[at : at + size])
        at, turn = at + size, turn + 1
        while (told := framing.next()) is not None:
            found.append(told)

    assert found == messages
    assert not framing.begun


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (b"\xbf\x16\x82\xff\xff", "too long"),
        (b"\xb6\x80" + (b"\x04\x7f" + b"x" * 127) * 8, "too long"),
        (b"\xb6\x80" * 300, "too deep"),
        (b"\xb6\x80\x04\x80", "without a length"),
        (b"GET / HTTP/1.1", "no message"),
        (b"\xb6\x85\x01\x01\x01\x01\x01", "length that is too long"),
        (b"\xbf" + b"\xff" * 9, "tag that is too high"),
    ],
)
def test_a_message_without_bounds_is_not_waited_for(told: bytes, why: str) -> None:
    framing = Framing(1000)
    framing.feed(told)

    with pytest.raises(NotBer, match=why):
        framing.next()


@given(st.binary(max_size=80))
@settings(max_examples=150)
def test_any_bytes_are_framed_or_refused(told: bytes) -> None:
    framing = Framing(60)
    framing.feed(told)
    with contextlib.suppress(NotBer, Malformed):
        while (message := framing.next()) is not None:
            requests.read(message)


SORT = written(
    CONTEXT,
    43,
    [
        written(CONTEXT, 3, [written(UNIVERSAL, 27, b"default")]),
        written(CONTEXT, 4, b"sorted"),
        written(
            CONTEXT,
            5,
            [
                written(
                    UNIVERSAL,
                    16,
                    [
                        written(CONTEXT, 1, [written(CONTEXT, 0, b"title")]),
                        written(CONTEXT, 1, b"\x01"),
                        written(CONTEXT, 2, b"\x00"),
                        written(CONTEXT, 3, [written(CONTEXT, 2, b"")]),
                    ],
                )
            ],
        ),
    ],
)
ATTRIBUTE = written(UNIVERSAL, 16, [written(CONTEXT, 120, b"\x01"), written(CONTEXT, 121, b"\x04")])
COMPLEX = written(
    UNIVERSAL,
    16,
    [
        written(CONTEXT, 1, ber.oid("1.2.3")),
        written(CONTEXT, 120, b"\x01"),
        written(CONTEXT, 224, [written(CONTEXT, 1, [written(CONTEXT, 1, b"_ALLRECORDS")])]),
    ],
)


def term(attribute: bytes, kind: int = 45, held: bytes = b"fish") -> bytes:
    return written(CONTEXT, 102, [written(CONTEXT, 44, [attribute]), written(CONTEXT, kind, held)])


SCAN = written(
    CONTEXT,
    35,
    [written(CONTEXT, 3, [written(CONTEXT, 105, b"catalog")]), term(ATTRIBUTE), written(CONTEXT, 6, b"\x05")],
)
PROX = written(
    CONTEXT,
    3,
    [
        written(CONTEXT, 2, b"\x03"),
        written(CONTEXT, 3, b"\xff"),
        written(CONTEXT, 4, b"\x02"),
        written(CONTEXT, 5, [written(CONTEXT, 1, b"\x02")]),
    ],
)


def searching(*root: bytes) -> bytes:
    numbers = [written(CONTEXT, tag, b"\x00") for tag in (13, 14, 15, 16)]
    query = written(CONTEXT, 1, [written(UNIVERSAL, 6, ber.oid(BIB1)), *root])
    named = [written(CONTEXT, 17, b"one"), written(CONTEXT, 18, [written(CONTEXT, 105, b"catalog")])]
    return written(
        CONTEXT, 22, [written(CONTEXT, 2, b"ref"), *numbers, *named, written(CONTEXT, 21, [query])]
    )


TREE = written(
    CONTEXT,
    1,
    [
        written(CONTEXT, 0, [term(ATTRIBUTE)]),
        written(
            CONTEXT,
            1,
            [
                written(CONTEXT, 0, [written(CONTEXT, 31, b"default")]),
                written(CONTEXT, 0, [term(COMPLEX, 215, b"\x07")]),
                written(CONTEXT, 46, [written(CONTEXT, 2, b"")]),
            ],
        ),
        written(CONTEXT, 46, [PROX]),
    ],
)


def test_a_query_is_read_with_its_operators_sets_and_odd_attributes() -> None:
    told = requests.read(searching(TREE))

    assert isinstance(told, SearchRequest)
    assert (told.reference, told.name, told.databases, told.replace) == (b"ref", "one", ("catalog",), False)
    fish = Operand((Attribute(1, 4),), b"fish")
    inner = Joined("and-not", Named("default"), Operand((Attribute(1, "_ALLRECORDS", "1.2.3"),), 7))
    near = Proximity(exclusion=False, distance=3, ordered=True, relation=2, unit=2)
    assert told.query == RpnQuery(BIB1, Joined("prox", fish, inner, near))


def test_the_other_requests_are_read() -> None:
    scan, sort, present = requests.read(SCAN), requests.read(SORT), requests.read(client.present(3, 4))
    other = requests.read(written(CONTEXT, 46, [written(CONTEXT, 3, b"\x01")]))

    assert isinstance(scan, ScanRequest)
    assert (scan.start.term, scan.number, scan.position, scan.attribute_set) == (b"fish", 5, 1, BIB1)
    assert isinstance(sort, SortRequest)
    (key,) = sort.keys
    assert (sort.inputs, sort.output) == (("default",), "sorted")
    assert (key.field, key.attributes, key.relation, key.missing) == ("title", (), 1, 2)
    assert isinstance(present, PresentRequest)
    assert (present.start, present.number, present.elements) == (3, 4, "F")
    assert present.syntaxes == (client.MARC21,)
    assert other == OtherRequest(None, 46)


def test_a_present_may_say_more_of_what_it_wants() -> None:
    generic = [written(CONTEXT, 300, b"http://www.loc.gov/mods/v3")]
    composed = [
        written(CONTEXT, 1, b"\xff"),
        written(CONTEXT, 2, generic),
        written(CONTEXT, 4, [written(UNIVERSAL, 6, ber.oid(client.OPAC))]),
    ]
    numbers = [written(CONTEXT, 30, b"\x01"), written(CONTEXT, 29, b"\x01")]
    told = requests.read(written(CONTEXT, 24, [*numbers, written(CONTEXT, 209, composed)]))

    assert isinstance(told, PresentRequest)
    assert told.elements == "http://www.loc.gov/mods/v3"
    assert (told.syntaxes, told.any_syntax) == ((client.OPAC,), True)


@pytest.mark.parametrize(
    ("proposed", "charset"), [(UTF8_PROPOSED, "utf-8"), (MARC8_PROPOSED, "marc-8")], ids=["utf-8", "marc-8"]
)
def test_characters_are_agreed_on_as_they_were_proposed(proposed: bytes, charset: str) -> None:
    told = requests.read(client.initialize()[:3] + client.initialize()[3:])
    assert isinstance(told, InitRequest)
    assert told.charset is None
    found = charsets.proposal(ber.read(proposed)[0])

    assert found is not None
    assert (found.charset, found.records_too) == (charset, True)
    answer = ber.read(charsets.answered(found))[0].parts[0].find(4, 0, 2)
    assert answer is not None
    chosen = answer.find(1)
    assert chosen is not None
    assert chosen.parts == (found.chosen,)


def test_characters_that_are_not_spoken_here_are_answered_with_none() -> None:
    odd = MARC8_PROPOSED.replace(b"marc-8", b"koi8-r")
    found = charsets.proposal(ber.read(odd)[0])

    assert found is not None
    assert found.charset is None
    assert ber.read(charsets.answered(found))[0].parts[0].find(4, 0, 2, 1, 4) is not None


@given(st.sampled_from([*MESSAGES, SORT, SCAN, searching(TREE)]), st.data())
@settings(max_examples=200)
def test_a_request_of_which_a_byte_is_wrong_is_read_or_refused(message: bytes, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(message) - 1))
        message = message[:at] + bytes([data.draw(st.integers(0, 255))]) + message[at + 1 :]

    with contextlib.suppress(NotBer, Malformed):
        requests.read(message)


@pytest.mark.parametrize(
    "message",
    [
        b"\x02\x01\x05",
        written(CONTEXT, 22, [b""]),
        written(CONTEXT, 20, [written(CONTEXT, 3, b"\x05\xe0")]),
        searching(),
        searching(written(CONTEXT, 0, [written(CONTEXT, 102, [])])),
        searching(written(CONTEXT, 1, [written(CONTEXT, 0, [term(ATTRIBUTE)])])),
        searching(written(CONTEXT, 0, [term(written(UNIVERSAL, 16, [written(CONTEXT, 120, b"\x01")]))])),
        searching(written(CONTEXT, 0, [term(ATTRIBUTE, 215, b"\x01" * 9)])),
        written(CONTEXT, 35, [written(CONTEXT, 6, b"\x05")]),
        written(CONTEXT, 43, []),
        client.present(1, 1) + b"more",
    ],
)
def test_ber_that_is_no_request_is_refused(message: bytes) -> None:
    with pytest.raises(Malformed):
        requests.read(message)


@given(st.frozensets(st.integers(0, 40)), st.lists(st.integers(0, 2**30), max_size=5))
@settings(max_examples=50)
def test_bits_and_identifiers_are_written_as_they_are_read(places: frozenset[int], rest: list[int]) -> None:
    named = ".".join(map(str, [1, 2, *rest]))

    assert ber.places(ber.bits(places)) == places
    assert ber.dotted(ber.oid(named)) == named


def test_our_own_client_understands_what_the_server_says() -> None:
    told = responses.record(b"catalog", responses.external(client.MARC21, octets=b"00026"))
    gone = responses.surrogate(b"catalog", responses.diagnosed(14, "weg für immer".encode(), plain=True))
    presented = client.presented(ber.read(responses.presented(b"r", records=[told, gone]))[0])
    refused = responses.searched(
        None, total=0, found=False, diagnostic=responses.diagnosed(114, b"7", plain=False)
    )

    assert (presented.records, presented.unreadable) == ([b"00026"], 1)
    assert client.counted(ber.read(responses.searched(None, total=300))[0]) == 300
    with pytest.raises(client.NoAnswer, match=r"unsupported use attribute \(7\)"):
        client.counted(ber.read(refused)[0])
