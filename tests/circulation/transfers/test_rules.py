"""What may be sent between libraries, and what it costs."""

import pytest

from circulation.transfers.rules import FREELY, Transfer, between

NO_FILMS = Transfer(material_types=frozenset({"video"}), allowed=False)
NOT_TO_MED = Transfer(frozenset({"LAW"}), frozenset({"MED"}), allowed=False)
BY_VAN = Transfer(frozenset({"LAW"}), cost=5)
RARE = Transfer(loan_types=frozenset({"rare"}), allowed=False)


@pytest.mark.parametrize(
    ("lines", "origin", "to", "material", "loan", "found"),
    [
        ([], "LAW", "MED", "book", "normal", FREELY),
        ([NO_FILMS], "LAW", "MED", "video", "normal", NO_FILMS),
        ([NO_FILMS], "LAW", "LAW", "video", "normal", FREELY),
        ([NO_FILMS], "LAW", "MED", "book", "normal", FREELY),
        ([NOT_TO_MED, BY_VAN], "LAW", "MED", "book", "normal", NOT_TO_MED),
        ([NOT_TO_MED, BY_VAN], "LAW", "MAIN", "book", "normal", BY_VAN),
        ([NOT_TO_MED, BY_VAN], "MED", "LAW", "book", "normal", FREELY),
        ([BY_VAN, NOT_TO_MED], "LAW", "MED", "book", "normal", BY_VAN),
        ([RARE], "LAW", "MED", "book", "rare", RARE),
    ],
    ids=[
        "nothing-said",
        "a-type",
        "within-a-library",
        "another-type",
        "the-first-that-fits",
        "a-cost",
        "the-other-way",
        "order-counts",
        "a-loan-type",
    ],
)
def test_the_first_line_that_fits_counts(
    lines: list[Transfer], origin: str, to: str, material: str, loan: str, found: Transfer
) -> None:
    assert between(lines, origin, to, material_type=material, loan_type=loan) == found
