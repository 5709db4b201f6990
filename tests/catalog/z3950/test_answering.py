"""The catalogue as a server of Z39.50, message by message: what is found, sent, kept, and refused."""

import asyncio
import random
from collections.abc import Callable

import pytest
from lxml import etree

from catalog.marc.iso2709 import loads
from catalog.z3950 import association, listening
from catalog.z3950.records import SUTRS, XML
from contracts.z3950 import ber, client, opac
from contracts.z3950.ber import CONTEXT, UNIVERSAL, Element, written
from support.associated import (
    Line,
    both,
    delete,
    diagnostic,
    leaf,
    named,
    number,
    present,
    scan,
    search,
    sort,
)
from support.shelves import Shelves

pytestmark = pytest.mark.asyncio(loop_scope="module")


def titles(told: Element) -> list[str | None]:
    found = client.presented(told)
    return [loads(each).record.get("245", "a") for each in found.records]  # type: ignore[union-attr]  # all are read


def external(told: Element) -> Element:
    """The record that an answer holds alone."""
    found = told.find(28)
    assert found is not None
    held = found.parts[0].find(1, 1)
    assert held is not None, told
    return held.parts[0]


async def test_sets_are_searched_narrowed_ordered_and_deleted(shelf: Shelves, port: int) -> None:
    line = await Line.to(port)

    assert number(await line.found(4, term="xylophone"), 23) == 2
    assert number(await line.found(4, term="xylography"), 23) == 0
    assert number(await line.found(1003, term="zeller", name="all"), 23) == 3
    narrowed = search("", root=both(named("all"), leaf("xylophone", 4)), name="some")
    assert number(await line.ask(narrowed), 23) == 2
    assert number(await line.ask(sort("all", output="down", by=4, down=True)), 6) == 3
    assert titles(await line.ask(present(1, 3, name="down"))) == [
        "Xylophone one",
        "Xylophone Brontë two",
        "Xylem & <pith>",
    ]
    assert titles(await line.ask(present(2, 1, name="down"))) == ["Xylophone Brontë two"]

    assert number(await line.ask(search("", root=both(named("some"), leaf("two", 4)), name="some")), 23) == 1

    deleted = await line.ask(delete("some", "never"))
    assert number(deleted, 0) == 9
    listed = deleted.find(1)
    assert listed is not None
    assert [(part.parts[0].text, part.parts[1].number) for part in listed.parts] == [
        ("some", 0),
        ("never", 1),
    ]
    assert diagnostic(await line.ask(present(1, 1, name="some"))) == 30
    assert number(await line.ask(delete()), 0) == 0
    assert diagnostic(await line.ask(present(1, 1, name="all"))) == 30
    closed = await line.ask(written(CONTEXT, 48, [written(CONTEXT, 211, b"\x00")]))
    assert (closed.tag, number(closed, 211)) == (48, 0)
    assert await line.heard() is None


async def test_what_is_asked_for_wrongly_is_answered_by_number_and_the_association_goes_on(
    shelf: Shelves, port: int, changed: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(z3950_result_sets=3)
    line = await Line.to(port)
    await line.found(4, term="xylophone")
    refused = {
        114: search("x", 9999, name="other"),
        235: search("x", 4, name="other", database="elsewhere"),
        21: search("x", 4, replace=False),
        30: present(1, 1, name="gone"),
        13: present(2, 2),
        239: present(1, 1, syntax="1.2.840.10003.5.1"),
        25: present(1, 1, elements="mods"),
        207: sort("default", output="default", by=21),
        230: sort("default", "default", output="x", by=4),
        128: search("x", 4, name="n" * 300),
    }
    monkeypatch.setattr(association, "MOST_RECORDS", 1)

    told = {each: diagnostic(await line.ask(asked)) for each, asked in refused.items()}
    await line.found(4, term="xylophone", name="a")
    cut = await line.ask(present(1, 2, name="a"))
    await line.found(4, term="xylophone", name="b")

    assert told == {each: each for each in refused}
    assert (len(client.presented(cut).records), number(cut, 27), number(cut, 25)) == (1, 4, 2)
    assert diagnostic(await line.found(4, term="xylophone", name="c")) == 112
    for away in shelf.catalog.resources.own["reader"].lists.folder.iterdir():
        away.unlink()
    assert diagnostic(await line.ask(present(1, 1, name="a"))) == 27
    with monkeypatch.context() as away_for_a_moment:
        away_for_a_moment.setitem(shelf.catalog.resources.own, "reader", None)
        assert diagnostic(await line.found(4, term="xylophone", name="b")) == 2
    assert number(await line.found(4, term="xylophone", name="b"), 23) == 2
    await line.hang_up()


async def test_records_come_in_every_syntax_with_their_copies_and_whether_these_are_in(
    shelf: Shelves, port: int
) -> None:
    line = await Line.to(port)
    await line.found(4, term="brontë")

    held = client.presented(await line.ask(present(1, 1, syntax=client.OPAC))).opac[0]
    whole = opac.read(held)
    (shelved,) = whole.holdings
    copies = held.find(2, 2, 19)
    brief = client.presented(await line.ask(present(1, 1, elements="B"))).records[0]
    xml = external(await line.ask(present(1, 1, syntax=XML, elements="mods"))).find(1)
    sutrs = external(await line.ask(present(1, 1, syntax=SUTRS))).find(0)

    assert whole.marc is not None
    assert loads(whole.marc).record.get("245", "a") == "Xylophone Brontë two"  # type: ignore[union-attr]
    assert (shelved.library, shelved.shelving_location, shelved.available) == ("MAIN", "Main stacks", True)
    assert copies is not None
    said = [(each.find(1), each.find(2), each.find(4), each.find(5), each.find(8)) for each in copies.parts]
    assert [[part.text if part else None for part in each[1:]] for each in said] == [
        [None, None, "b1", "v.1"],
        ["2027-05-01", "on loan", "b2", "v.2"],
    ]
    assert [any(each[0].content) for each in said if each[0]] == [True, False]
    assert {field.tag for field in loads(brief).record or ()} == {"001", "008", "100", "245"}
    assert xml is not None
    assert etree.fromstring(xml.content).tag == "{http://www.loc.gov/mods/v3}mods"
    assert sutrs is not None
    assert "Title: Xylophone Brontë two" in sutrs.text
    assert "1 of 2 in" in sutrs.text
    await line.hang_up()


def proposing(charset: bytes) -> bytes:
    """An Init that would speak in these characters, in records too."""
    element, _ = ber.read(client.initialize())
    return written(CONTEXT, 20, [*map(ber.again, element.parts), charset])


MARC8 = bytes.fromhex(
    "bf81492e302ca42a06072a8648ce130f03a01fa11da118a316a214060a2a8648ce130f8768510181066d6172632d38830101"
)


async def test_whoever_speaks_marc8_is_sent_marc8(port: int, changed: Callable[..., None]) -> None:
    line = await Line.to(port, init=proposing(MARC8))
    await line.ask(search("", root=written(CONTEXT, 0, [term_of(b"bront\xe8e")])))

    (raw,) = client.presented(await line.ask(present(1, 1))).records
    await line.hang_up()
    terms_alone = await Line.to(port, init=proposing(MARC8[:-1] + b"\x00"))
    await terms_alone.ask(search("", root=written(CONTEXT, 0, [term_of(b"bront\xe8e")])))
    (usual,) = client.presented(await terms_alone.ask(present(1, 1))).records
    await terms_alone.hang_up()
    changed(z3950_charset="marc-8")
    other = await Line.to(port)
    await other.found(4, term="brontë")
    (same,) = client.presented(await other.ask(present(1, 1))).records

    assert (raw[9:10], b"Bront\xe8e" in raw) == (b" ", True)
    assert (usual[9:10], "Brontë".encode() in usual) == (b"a", True)
    assert same == raw
    await other.hang_up()


def term_of(text: bytes) -> bytes:
    use = written(UNIVERSAL, 16, [written(CONTEXT, 120, b"\x01"), written(CONTEXT, 121, b"\x04")])
    return written(CONTEXT, 102, [written(CONTEXT, 44, [use]), written(CONTEXT, 45, text)])


async def test_records_are_sent_at_once_where_few_are_found_and_as_a_message_holds_them(
    shelf: Shelves, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = written(
        CONTEXT,
        20,
        [
            written(CONTEXT, 3, b"\x05\xe0"),
            written(CONTEXT, 4, b"\x06\xc0"),
            written(CONTEXT, 5, ber.integer(4096)),
            written(CONTEXT, 6, ber.integer(100_000)),
        ],
    )
    line = await Line.to(port, init=small)

    piggy = await line.ask(search("xylophone", 4, small=5, medium=1, large=10))
    await line.found(1003, term="zeller", name="all")
    await line.ask(sort("all", output="all", by=4))
    three, alone = await line.ask(present(1, 3, name="all")), await line.ask(present(1, 1, name="all"))
    odd = await line.ask(search("xylophone", 4, small=5, large=10, medium=1, syntax="1.2.3"))
    hide = "UPDATE title SET suppressed = $1 WHERE title LIKE 'Xylophone one%'"
    await shelf.catalog.resources.pool.execute(hide, True)
    gone = await line.ask(present(2, 2, name="all"))
    await shelf.catalog.resources.pool.execute(hide, False)
    monkeypatch.setattr(association, "SMALLEST_MESSAGE", 450)
    narrow = await Line.to(port, init=small.replace(ber.integer(4096), ber.integer(450)))
    await narrow.found(4, term="xylophone")
    cut = await narrow.ask(present(1, 2))
    await narrow.hang_up()

    assert (number(piggy, 23), count(piggy), number(piggy, 25)) == (2, 2, 0)
    assert (client.presented(three).unreadable, len(client.presented(three).records)) == (1, 2)
    assert (surrogate(three, 0), len(client.presented(alone).records)) == (16, 1)
    assert (number(odd, 23), diagnostic(odd)) == (2, 239)
    assert (len(client.presented(cut).records), number(cut, 27), number(cut, 25)) == (1, 2, 2)
    assert [surrogate(gone, place) for place in (0, 1)] == [None, 1028]
    await line.hang_up()


def count(told: Element) -> int:
    """Of how many records an answer tells."""
    found = told.find(28)
    return len(found.parts) if found is not None else 0


def surrogate(told: Element, place: int) -> int | None:
    """The diagnostic in the place of a record."""
    found = told.find(28)
    assert found is not None
    held = found.parts[place].find(1, 2)
    return held.parts[0].parts[1].number if held is not None else None


async def test_no_client_takes_what_others_need(port: int, changed: Callable[..., None]) -> None:
    changed(z3950_associations_per_address=3, z3950_idle_seconds=1.0)
    first, second, dripping = [await Line.to(port, here="127.0.0.2") for _ in range(3)]
    with pytest.raises(client.NoAnswer):
        await Line.to(port, here="127.0.0.2")
    await (await Line.to(port)).hang_up()
    silent = asyncio.create_task(second.heard())
    for octet in search("fish", 4)[:3]:
        dripping.writer.write(bytes([octet]))
        await asyncio.sleep(0.25)
        await first.found(4, term="fish")
    dropping = asyncio.create_task(dripping.heard())
    await asyncio.wait([silent, dropping], return_when=asyncio.FIRST_EXCEPTION)

    closed, dropped = silent.result(), dropping.result()

    assert closed is not None
    assert (closed.tag, number(closed, 211)) == (48, 7)
    assert dropped is not None
    assert number(dropped, 211) == 7
    again = await Line.to(port, here="127.0.0.2")
    await again.hang_up()
    await first.hang_up()


async def test_odd_bytes_end_their_own_association_and_no_other(port: int) -> None:
    line = await Line.to(port)
    odd = [
        b"GET / HTTP/1.1\r\nHost: carrel\r\n\r\n",
        client.present(1, 1),
        b"\xb4\x80" * 300,
        b"\xbf\x16\x84\x7f\xff\xff\xff",
    ]
    for told in odd:
        stranger = Line(*await asyncio.open_connection("127.0.0.1", port))
        answer = await stranger.ask(told)
        assert (answer.tag, number(answer, 211)) == (48, 6), told
        assert await stranger.heard() is None
    unasked = await Line.to(port)
    assert number(await unasked.ask(written(CONTEXT, 46, [written(CONTEXT, 3, b"\x01")])), 211) == 6

    assert number(await line.found(4, term="fish"), 23) == 0
    await line.hang_up()


async def test_version_2_is_spoken_and_version_0_is_not(port: int) -> None:
    def init(versions: bytes) -> bytes:
        sizes = [written(CONTEXT, tag, ber.integer(65_536)) for tag in (5, 6)]
        return written(CONTEXT, 20, [written(CONTEXT, 3, versions), written(CONTEXT, 4, b"\x06\xc0"), *sizes])

    line = await Line.to(port, init=init(b"\x06\xc0"))
    refused = (await line.found(9999, term="fish")).find(130)
    with pytest.raises(client.NoAnswer, match="does not take us"):
        await Line.to(port, init=init(b"\x05\x00"))

    assert refused is not None
    assert [part.tag for part in refused.parts] == [6, 2, 26]
    await line.hang_up()


async def test_a_stop_lets_answers_arrive_and_says_goodbye(
    shelf: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go = asyncio.Event(), asyncio.Event()
    before = association.Association.answer

    async def slow(self: association.Association, told: bytes) -> bytes:
        if told[:1] == b"\xb6":
            begun.set()
            await go.wait()
        return await before(self, told)

    monkeypatch.setattr(association.Association, "answer", slow)
    stop = asyncio.Event()
    ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(listening.listen(shelf.catalog.resources, stop, ready.set_result))
    port = await ready
    idle, busy = await Line.to(port), await Line.to(port)
    asking = asyncio.create_task(busy.found(4, term="fish"))
    await begun.wait()

    stop.set()
    goodbye = await idle.heard()
    with pytest.raises(OSError, match=r"."):
        await asyncio.open_connection("127.0.0.1", port)
    go.set()

    assert number(await asking, 23) == 0
    assert goodbye is not None
    assert (goodbye.tag, number(goodbye, 211)) == (48, 1)
    after = await busy.heard()
    assert after is not None
    assert number(after, 211) == 1
    await serving


async def test_without_a_port_the_role_says_which_setting_it_lacks(
    shelf: Shelves, changed: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    changed(z3950_port=None)
    with pytest.raises(SystemExit):
        await listening.listen(shelf.catalog.resources, asyncio.Event())

    assert "CATALOG_Z3950_PORT" in capsys.readouterr().err


def terms(told: Element) -> tuple[list[tuple[str, int]], int, int]:
    """Terms with their counts, the place of the one that was asked for, and the status of a scan."""
    held = told.find(7, 1)
    assert held is not None, told
    found = [(each.parts[0].text, each.parts[1].number) for each in held.parts]
    return found, number(told, 6), number(told, 4)


async def test_an_index_is_scanned_around_a_term_up_to_its_ends(shelf: Shelves, port: int) -> None:
    line = await Line.to(port)

    assert terms(await line.ask(scan("xyl", 4, number=2))) == ([("xylem", 1), ("xylophone", 2)], 1, 0)
    around = await line.ask(scan("xylophone", 4, number=3, position=2))
    assert terms(around) == ([("xylem", 1), ("xylophone", 2)], 2, 5)
    behind = await line.ask(scan("xylem", 4, number=1, position=0))
    assert terms(behind) == ([("xylophone", 2)], 0, 0)
    ahead = await line.ask(scan("xylem", 4, number=2, position=3))
    assert terms(ahead) == ([("pith", 1), ("two", 1)], 3, 0)
    assert terms(await line.ask(scan("zzz", 4, number=1))) == ([], 1, 5)
    assert terms(await line.ask(scan("Brontë", 4, 0, 1, number=1))) == ([("bronte", 1)], 1, 0)
    assert terms(await line.ask(scan("x0", 12, number=2)))[0] == [("x0", 1), ("x1", 1)]
    refused = {
        114: scan("x", 1016),
        235: scan("x", 4, database="elsewhere"),
        206: scan("x", 4, step=2),
        233: scan("x", 4, number=2, position=4),
    }
    assert {each: diagnostic(await line.ask(asked)) for each, asked in refused.items()} == {
        each: each for each in refused
    }
    await line.hang_up()


async def asking_on(line: Line, told: bytes) -> None:
    """The same again and again, as long as there is somebody."""
    while True:
        line.writer.write(told)
        await line.writer.drain()
        await asyncio.sleep(0)


async def test_a_client_that_takes_no_answers_is_hung_up_on(
    shelf: Shelves, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "SEND_SECONDS", 0.3)
    line = await Line.to(port)
    await line.found(1003, term="zeller")
    line.reader._transport.pause_reading()  # type: ignore[attr-defined]  # as whoever does not look

    async with asyncio.timeout(20):
        with pytest.raises(OSError, match=r"."):
            await asking_on(line, present(3, 1))
    other = await Line.to(port)
    await other.hang_up()


async def test_requests_that_are_wrong_in_any_place_are_answered_or_end_their_own_association(
    shelf: Shelves,
) -> None:
    chance = random.Random(5)
    whole = [
        client.initialize(),
        search("xylophone", 4, 3, 3, 1, 100, 1, small=5, large=10, medium=1),
        present(1, 2, syntax=client.OPAC),
        scan("xyl", 4, position=2, step=0),
        sort("default", output="default", by=4),
        delete("default"),
    ]
    answered = 0
    for _ in range(60):
        association_ = association.Association(shelf.catalog.resources, asyncio.Semaphore(1))
        await association_.answer(whole[0])
        for each in whole[1:]:
            odd = bytearray(each)
            for _ in range(chance.randint(1, 2)):
                odd[chance.randrange(len(odd))] = chance.randrange(256)
            told = await association_.answer(bytes(odd))
            answer, end = ber.read(told)
            assert (answer.kind, end) == (CONTEXT, len(told)), bytes(odd)
            answered += answer.tag != 48
            association_.ended = False
    assert answered > 100
