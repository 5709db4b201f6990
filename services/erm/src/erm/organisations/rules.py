"""Whether numbers of bank accounts can be right, and who may say that they are."""

import re
from typing import Final

_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
"""ISO 13616: country, two check digits, the country's own number."""
_BIC: Final = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?")
"""ISO 9362."""


def iban(told: str) -> str | None:
    """An IBAN without blanks; none where its letters or check digits (ISO 7064, MOD 97-10) are wrong."""
    number = "".join(told.split()).upper()
    if not _IBAN.fullmatch(number):
        return None
    digits = "".join(str(int(letter, 36)) for letter in number[4:] + number[:4])
    return number if int(digits) % 97 == 1 else None


def bic(told: str) -> str | None:
    """A BIC without blanks; none where it cannot be one."""
    code = "".join(told.split()).upper()
    return code if _BIC.fullmatch(code) else None


def may_confirm(*, state: str, told_by: str, by: str) -> list[str]:
    """What stands in the way of confirming an account's numbers: its state, or that one cannot confirm oneself."""
    applies = {"bank-account-state": state != "unconfirmed", "told-by-yourself": told_by == by}
    return [code for code, holds in applies.items() if holds]
