"""What a price in a record comes to."""

import pytest

from catalog.marc.prices import price_of


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("24.90", (2490, "CHF")),
        ("24,9", (2490, "CHF")),
        ("24", (2400, "CHF")),
        ("EUR 24,90", (2490, "EUR")),
        ("24.90 EUR", (2490, "EUR")),
        ("$1,250.00", (125000, "USD")),
        ("US$ 12.50", (1250, "USD")),
        ("1.250,00 €", (125000, "EUR")),
        ("1'250.50", (125050, "CHF")),
        ("1.250", (125000, "CHF")),
        ("£9.99.", (999, "GBP")),
        ("JPY 1,200", (1200, "JPY")),
        ("JPY 1200.50", None),
        ("KWD 1.250", (1250, "KWD")),
        ("0.00", (0, "CHF")),
        ("0.001", None),
        ("gift", None),
        ("", None),
        ("-5.00", None),
        ("EUR 5 USD", None),
        ("12.345.6", None),
        ("1.2.3", None),
        ("99999999999999", None),
        ("5.00 per volume", None),
    ],
)
def test_a_price_is_read_in_minor_units_or_not_at_all(text: str, price: tuple[int, str] | None) -> None:
    assert price_of(text, currency="CHF") == price
