"""Identifiers as citations tell them, held to their standards, in one form each; None where it cannot be one."""

import re
from collections.abc import Callable, Mapping
from typing import Final


def issn_of(told: str) -> str | None:
    """An ISSN with its dash; None where it is none (ISO 3297)."""
    number = re.sub(r"[\s‐-―-]", "", told).upper()
    if not re.fullmatch(r"[0-9]{7}[0-9X]", number):
        return None
    total = sum((8 - at) * (10 if digit == "X" else int(digit)) for at, digit in enumerate(number))
    return f"{number[:4]}-{number[4:]}" if total % 11 == 0 else None


def isbn_of(told: str) -> str | None:
    """An ISBN as 13 digits; None where it is none (ISO 2108). Words behind it (`(pbk.)`) are left out."""
    found = re.match(r"\s*([0-9Xx][0-9Xx\s‐-―-]{8,20})", told)
    number = re.sub(r"[\s‐-―-]", "", found[1]).upper() if found else ""
    if re.fullmatch(r"[0-9]{9}[0-9X]", number):
        if sum((10 - at) * (10 if digit == "X" else int(digit)) for at, digit in enumerate(number)) % 11:
            return None
        body = f"978{number[:9]}"
        return f"{body}{-sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(body)) % 10}"
    if re.fullmatch(r"97[89][0-9]{10}", number):
        fits = sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(number)) % 10 == 0
        return number if fits else None
    return None


def doi_of(told: str) -> str | None:
    """A DOI in small letters without what may stand before it; None where it is none."""
    found = re.match(
        r"\s*(?:https?://(?:dx\.)?doi\.org/|info:doi/|doi:)?\s*(10\.\d{4,9}/\S{1,180})\s*$", told, re.I
    )
    return found[1].lower() if found else None


def pmid_of(told: str) -> str | None:
    """A PubMed number."""
    found = re.fullmatch(r"\s*(?:info:pmid/|pmid:)?\s*0*([1-9]\d{0,8})\s*", told, re.I)
    return found[1] if found else None


def oclc_of(told: str) -> str | None:
    """An OCLC number."""
    found = re.fullmatch(
        r"\s*(?:info:oclcnum/|oclc:|\(OCoLC\)|ocm|ocn|on)?\s*0*([1-9]\d{0,13})\s*", told, re.I
    )
    return found[1] if found else None


NUMBERS: Final[Mapping[str, tuple[Callable[[str], str | None], str]]] = {
    "issn": (issn_of, "ISSN"),
    "eissn": (issn_of, "ISSN"),
    "isbn": (isbn_of, "ISBN"),
    "doi": (doi_of, "DOI"),
    "pmid": (pmid_of, "PubMed number"),
    "oclc": (oclc_of, "OCLC number"),
}
