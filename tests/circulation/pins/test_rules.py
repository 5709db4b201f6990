"""Which PINs are taken: no fixtures, no hashing."""

import pytest

from circulation.pins.rules import PinPolicy, pin_wrongs


@pytest.mark.parametrize(
    ("pin", "codes"),
    [
        ("2580", []),
        ("135", ["pin-too-short"]),
        ("1" * 13, ["pin-too-long", "pin-too-simple"]),
        ("sesame", ["pin-not-digits"]),
        ("٢٥٨٠", ["pin-not-digits"]),
        ("1234", ["pin-too-simple"]),
        ("9876", ["pin-too-simple"]),
        ("7777", ["pin-too-simple"]),
        ("1357", []),
        ("a", ["pin-too-short", "pin-not-digits", "pin-too-simple"]),
    ],
)
def test_a_pin_says_everything_that_is_wrong_with_it(pin: str, codes: list[str]) -> None:
    assert [code for code, _ in pin_wrongs(pin, PinPolicy())] == codes


def test_a_library_may_ask_for_more_than_digits_give() -> None:
    policy = PinPolicy(min_length=8, digits_only=False)

    assert [code for code, _ in pin_wrongs("open it", policy)] == ["pin-too-short"]
    assert pin_wrongs("open sesame", policy) == []
