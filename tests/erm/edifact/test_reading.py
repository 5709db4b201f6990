"""What messages say: the trade's samples, and what senders do differently."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from erm.edifact.documents import Bill, Charge, Copies, Despatch, Document, Quote, Response, ResponseLine
from erm.edifact.envelope import Address, read_file
from erm.edifact.reading import read
from erm.edifact.rules import Report, line_reference, named_line, report_of
from erm.edifact.syntax import Flaw, segments
from erm.edifact.writing import Ordered, OrderedLine, cut, orders
from support.shared_data import shared_data
from support.trading import interchange, message


def understood(content: bytes) -> tuple[Any, list[Flaw]]:
    """The one message of a file."""
    (told,) = read_file(content)
    (one,) = told.messages
    assert (one.flaws, told.findings) == ((), [])
    return read(one.kind, list(segments(one.text, told.separators)))


def sample(name: str) -> Any:
    """A message of the samples, which has no flaw."""
    document, flaws = understood(shared_data("edifact", name).read_bytes())
    assert flaws == []
    return document


def expected() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(shared_data("edifact", "made", "expected.json").read_text())
    return told


def test_a_quote_says_which_copies_go_where_and_who_bears_them() -> None:
    told, wish = sample("made/quotes.edi"), expected()["quotes.edi"]

    assert isinstance(told, Quote)
    (line,) = told.lines
    assert [[copies.branch, copies.fund] for copies in line.copies] == wish["copies"]
    assert (str(line.price), told.currency, line.quote_reference) == (
        wish["unit_price"],
        wish["currency"],
        "Q17-1",
    )
    assert (line.title, line.author, line.year) == ("A first course in reservoirs", "Okafor", "2019")


def test_a_response_tells_what_comes_when_and_what_does_not() -> None:
    told = sample("made/ordrsp.edi")

    assert isinstance(told, Response)
    first, second = told.lines
    assert (first.despatched, first.back_ordered, first.expected_on, first.price) == (
        1,
        1,
        date(2026, 3, 1),
        Decimal("42.00"),
    )
    assert [report_of(line, {"OUT"}) for line in (first, second)] == [
        Report.BACK_ORDERED,
        Report.NOT_SUPPLIED,
    ]


def test_a_despatch_advice_says_what_is_on_its_way() -> None:
    told = sample("made/desadv.edi")

    assert isinstance(told, Despatch)
    assert {line.reference: line.quantity for line in told.lines} == expected()["desadv.edi"]["ships"]


def test_an_invoice_comes_to_what_it_says() -> None:
    told, wish = sample("made/invoic.edi"), expected()["invoic.edi"]

    assert isinstance(told, Bill)
    (line,) = told.lines
    assert (told.number, str(line.amount), str(told.total)) == (
        wish["invoice"],
        wish["line_net"],
        wish["total"],
    )
    assert told.charges == (Charge("shipping", "Charge (DL)", Decimal(wish["delivery"])),)
    assert line.amount is not None
    assert told.total == line.amount + told.charges[0].amount


@pytest.mark.parametrize(
    ("name", "lines", "total", "title"),
    [
        ("565702us20210122", 10, "1174.44", "COURSE ON PARTIAL DIFFERENTIAL EQUATIONS."),
        ("565751us20210122", 5, "1017", "FALLING THROUGH DANCE AND LIFE."),
    ],
)
def test_real_invoices_are_read_to_the_last_cent(name: str, lines: int, total: str, title: str) -> None:
    told = sample(f"real/{name}.invoic.edi")

    assert (len(told.lines), str(told.total), told.lines[0].title) == (lines, total, title)
    assert sum(line.amount for line in told.lines) == told.total
    assert all(line.ean and line.ean.startswith("978") for line in told.lines)


def one_line(kind: str, *body: str, header: tuple[str, ...] = (), summary: tuple[str, ...] = ()) -> Any:
    """A message of one line."""
    told, flaws = understood(
        interchange(message(kind, "BGM+380+N", *header, "LIN+1", *body, "UNS+S", *summary))
    )
    assert flaws == []
    return told


def test_amounts_have_a_point_or_a_comma() -> None:
    told = one_line("INVOIC", "QTY+47:1", "MOA+203:1,50", summary=("MOA+86:1.50",))

    assert (told.lines[0].amount, told.total) == (Decimal("1.50"), Decimal("1.50"))


@pytest.mark.parametrize(
    ("imd", "told"),
    [
        (("THIS TITLE WAS CUT WITHIN A LONG WO:RD",), "THIS TITLE WAS CUT WITHIN A LONG WORD"),
        (("A SHORTER PART ENDS WITH A WORD:AND GOES ON",), "A SHORTER PART ENDS WITH A WORD AND GOES ON"),
        (("ONE", "TWO"), "ONE TWO"),
        ((), None),
    ],
)
def test_texts_that_were_cut_are_put_together(imd: tuple[str, ...], told: str | None) -> None:
    line = one_line("INVOIC", "MOA+203:1", *(f"IMD+L+050+:::{part}" for part in imd)).lines[0]

    assert line.title == told


@pytest.mark.parametrize(
    ("segments", "ean"),
    [
        (("PIA+5+0306406152:IB",), "9780306406157"),
        (("PIA+5+0306406153:IB",), None),
        (("PIA+1+X1:SA", "PIA+5+9780306406157:EN"), "9780306406157"),
        (("PIA+5+4006381333931:EN",), "4006381333931"),
    ],
    ids=["ten digits", "wrong check digit", "behind the vendor's own", "no book"],
)
def test_numbers_of_books_are_read_in_every_form(segments: tuple[str, ...], ean: str | None) -> None:
    assert one_line("INVOIC", "MOA+203:1", *segments).lines[0].ean == ean


def test_copies_of_which_nothing_is_said_go_nowhere_in_particular() -> None:
    (line,) = one_line(
        "QUOTES", "QTY+1:5", "GIR+001+MAIN:LLO", "GIR+001+F1:LFN", "GIR+002+2:LQT+SCI:LLO"
    ).lines

    assert line.copies == (Copies(1, "MAIN", "F1"), Copies(2, "SCI"), Copies(2))


def test_parcels_are_told_before_their_lines() -> None:
    told, flaws = understood(
        interchange(
            message("DESADV", "BGM+351+D", "CPS+1", "PAC+1", "PCI+33E", "GIN+BJ+111", "LIN+1", "QTY+12:1", "LIN+2",
                    "QTY+12:1", "CPS+2", "PAC+1", "GIN+BJ+222", "LIN+3", "QTY+12:2", "CPS+3", "LIN+4", "QTY+12:1")
        )
    )  # fmt: skip

    assert ([line.parcel for line in told.lines], flaws) == (["111", "111", "222", None], [])


def test_allowances_and_charges_of_the_whole_have_their_sign_and_those_of_a_line_are_within_it() -> None:
    told = one_line(
        "INVOIC", "MOA+203:9", "ALC+A++++DI", "MOA+8:1",
        header=("ALC+A++++DI:::Loyalty", "MOA+204:2"), summary=("ALC+C++++XX", "MOA+23:0.50", "MOA+176:0.63"),
    )  # fmt: skip

    assert told.charges == (
        Charge("discount", "Loyalty (DI)", Decimal(-2)),
        Charge("other", "Charge (XX)", Decimal("0.50")),
    )
    assert (told.lines[0].amount, told.tax) == (Decimal(9), Decimal("0.63"))


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (("LIN+1", "MOA+203:1.2.3"), ["number-malformed", "line-amount-missing"]),
        (("LIN+1", "QTY+47:1.5", "MOA+203:1"), ["count-malformed"]),
        (("LIN+1",), ["line-amount-missing"]),
        (("DTM+137:20261301:102", "LIN+1", "MOA+203:1"), ["date-malformed"]),
        (("LIN+1", "MOA+203:1", "UNS+S", "CNT+2:2"), ["line-count-differs"]),
        ((), ["lines-missing"]),
    ],
)
def test_what_cannot_be_is_told_all_at_once(body: tuple[str, ...], codes: list[str]) -> None:
    told, flaws = understood(interchange(message("INVOIC", "BGM+380+N", *body)))

    assert isinstance(told, Document)
    assert [flaw.code for flaw in flaws] == codes
    assert all(flaw.segment for flaw in flaws)


def test_a_document_is_called_by_35_letters_at_most() -> None:
    _, flaws = understood(interchange(message("INVOIC", f"BGM+380+{'9' * 3000}", "LIN+1", "MOA+203:1")))

    assert [flaw.code for flaw in flaws] == ["document-number-too-long"]


@pytest.mark.parametrize(
    ("action", "codes", "back_ordered", "told"),
    [
        ("5", (), None, Report.ACCEPTED),
        ("5", (), 1, Report.BACK_ORDERED),
        ("6", (), None, Report.CHANGED),
        ("24", ("8B:OUT",), None, Report.NOT_SUPPLIED),
        ("2", (), 1, Report.NOT_SUPPLIED),
        ("7", (), None, Report.NOT_SUPPLIED),
        ("10", ("8B:OUT",), None, Report.NOT_FOUND),
        (None, ("7B:OP",), None, Report.RECORDED),
    ],
)
def test_what_a_vendors_codes_come_to(
    action: str | None, codes: tuple[str, ...], back_ordered: int | None, told: Report
) -> None:
    line = ResponseLine("1", 1, action=action, codes=codes, back_ordered=back_ordered)

    assert report_of(line, {"OUT"}) is told


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("PO-000017-2", ("PO-000017", 1)),
        ("17-1", ("17", 0)),
        ("17", None),
        ("17-0", None),
        ("17-x", None),
        ("-1", None),
    ],
)
def test_lines_are_known_by_what_vendors_repeat(reference: str, told: tuple[str, int] | None) -> None:
    assert named_line(reference) == told
    assert told is None or line_reference(*told) == reference


TITLE = "Untersuchungsgegenstandsbeschreibungsverfahren in der Bibliothek und anderswo, ein Handbuch"


@pytest.mark.parametrize(
    "text", [TITLE, "short", "x" * 36, ("y" * 34 + " ") * 3, ("z" * 35 + " ") * 2 + "end"]
)
def test_a_text_that_is_cut_is_put_together_again(text: str) -> None:
    order = Ordered("PO-1", date(2027, 3, 1), "EUR", "A1", None, (OrderedLine("PO-1-1", None, text, None, None, None,
                                                                              1, "1.00"),))  # fmt: skip
    own, other = Address("L", "14"), Address("V", "ZZ")
    told = orders(order, message_reference="1", buyer=own, supplier=other, level="UNOC")
    fields = [segment.get(2, at) for segment in told if segment.tag == "IMD" for at in (3, 4)]

    assert cut(text, 35) == [piece for piece in fields if piece]
    assert all(0 < len(piece) <= 35 and piece == piece.strip() for piece in cut(text, 35))
    if "z" not in text:  # a word of exactly 35 letters looks as if it had been cut
        again = (
            one_line("INVOIC", "MOA+203:1", *(f"IMD+L+050+:::{piece}" for piece in cut(text, 35)))
            .lines[0]
            .title
        )
        assert again == " ".join(text.split())
