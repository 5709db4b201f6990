"""What a payment that is reported may be: examples. A batch reads the same as JSON and as XML."""

import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from erm.vouchers.rules import Known, Told, VoucherKind, VoucherState, kind_of, payment_flaws
from erm.vouchers.writing import NAMESPACE, as_json, as_xml

TOLD = Told(10_00, "EUR", "P-1")
KNOWN = Known(VoucherState.EXPORTED, 10_00, "EUR", None)
PAID = replace(KNOWN, state=VoucherState.PAID, reference="P-1")


@pytest.mark.parametrize(
    ("told", "known", "flaws"),
    [
        (TOLD, KNOWN, []),
        (TOLD, PAID, []),  # reported again
        (replace(TOLD, reference="P-2"), PAID, ["paid-otherwise"]),
        (replace(TOLD, amount=9_99), PAID, ["paid-otherwise", "amount-differs"]),
        (replace(TOLD, amount=-10_00), KNOWN, ["amount-differs"]),
        (replace(TOLD, currency="USD"), KNOWN, ["amount-differs"]),
        (TOLD, replace(KNOWN, state=VoucherState.AWAITING), ["voucher-not-exported"]),
        (TOLD, replace(KNOWN, state=VoucherState.CANCELLED), ["voucher-cancelled"]),
    ],
)
def test_a_payment_is_of_an_exported_voucher_and_its_amount(
    told: Told, known: Known, flaws: list[str]
) -> None:
    assert payment_flaws(told, known) == flaws


def test_an_invoice_below_nothing_is_a_credit() -> None:
    assert [kind_of(amount) for amount in (1, 0, -1)] == [
        VoucherKind.PAYMENT,
        VoucherKind.PAYMENT,
        VoucherKind.CREDIT,
    ]


def test_what_cannot_stand_in_a_document_does_not_spoil_it() -> None:
    document = {"vouchers": [{"vendor": {"name": "A & <B>\x01", "code": "A"}}], "number": 1, "id": None}

    root = ElementTree.fromstring(as_xml(document))

    assert [element.tag for element in root] == [f"{{{NAMESPACE}}}number", f"{{{NAMESPACE}}}vouchers"]
    assert root.findtext("v:vouchers/v:voucher/v:vendor/v:name", "", {"v": NAMESPACE}) == "A & <B>\ufffd"
    assert list(json.loads(as_json(document))) == ["id", "number", "vouchers"]
