"""The record of a title that is known from its order alone: enough to be found by, marked as preliminary."""

from collections.abc import Iterator

LEADER = "00000nam a22000005i 4500"
"""A monograph; encoding level 5: a partial, preliminary record (MARC 21 leader, position 17)."""


def fixed_data(year: str | None, entered: str) -> str:
    """008: 40 characters; what is not known is blank or a fill character."""
    digits = "".join(each for each in year or "" if each.isascii() and each.isdigit())[:4]
    dates = f"s{digits}    " if len(digits) == 4 else "nuuuuuuuu"
    return f"{entered}{dates}xx {'':14}|| | und d"[:40].ljust(40)


def fields(
    *, title: str, author: str | None, publisher: str | None, year: str | None, isbn: str | None
) -> Iterator[tuple[str, str, tuple[tuple[str, str], ...]]]:
    """Tag, indicators and subfields, in order."""
    if isbn is not None:
        yield "020", "  ", (("a", "".join(each for each in isbn if each not in " -").upper()),)
    if author is not None:
        yield "100", "1 ", (("a", author),)
    yield "245", "10" if author is not None else "00", (("a", title),)
    made = tuple((code, text) for code, text in (("b", publisher), ("c", year)) if text is not None)
    if made:
        yield "264", " 1", made


def removable(base_state: str) -> bool:
    """Whether an item that is to go back is still as it came: one that somebody has worked with stays."""
    return base_state in ("in-process", "on-order")
