"""What a server of Z39.50 says (ISO 23950, APDUs of the target). Tags are those of the standard's ASN.1."""

from collections.abc import Collection, Sequence
from typing import Final

from contracts.z3950 import ber, charsets
from contracts.z3950.ber import CONTEXT, UNIVERSAL, written
from contracts.z3950.charsets import Proposal

BIB1_DIAGNOSTICS: Final = "1.2.840.10003.4.1"
SUCCESS, TOO_LARGE, TOO_MANY, FAILURE = 0, 2, 4, 5
"""Of a Present: whole; cut off by the size of a message (partial-2), by what is done at once (partial-4); none."""
FINISHED, SHUTDOWN, RESOURCES, PROTOCOL_ERROR, LACK_OF_ACTIVITY = 0, 1, 4, 6, 7
"""Why an association ends."""


def _context(tag: int, content: bytes | Sequence[bytes]) -> bytes:
    return written(CONTEXT, tag, content)


def _number(tag: int, value: int) -> bytes:
    return _context(tag, ber.integer(value))


def _response(tag: int, reference: bytes | None, *parts: bytes) -> bytes:
    first = [] if reference is None else [_context(2, reference)]
    return _context(tag, [*first, *parts])


def initialized(
    reference: bytes | None,
    *,
    accepted: bool,
    versions: Collection[int],
    options: Collection[int],
    preferred_size: int,
    exceptional_size: int,
    name: str,
    charset: Proposal | None = None,
) -> bytes:
    """The beginning, or its refusal."""
    return _response(
        21,
        reference,
        _context(3, ber.bits(versions)),
        _context(4, ber.bits(options)),
        _number(5, preferred_size),
        _number(6, exceptional_size),
        _context(12, ber.boolean(accepted)),
        _context(111, name.encode()),
        *([charsets.answered(charset)] if charset is not None else []),
    )


def diagnosed(number: int, more: bytes, *, plain: bool) -> bytes:
    """The content of a diagnostic in the default format; `plain` for version 2, which has ASCII alone."""
    said = bytes(octet if 0x20 <= octet < 0x7F else 0x3F for octet in more) if plain else more
    return b"".join(
        [
            written(UNIVERSAL, 6, ber.oid(BIB1_DIAGNOSTICS)),
            written(UNIVERSAL, 2, ber.integer(number)),
            written(UNIVERSAL, 26 if plain else 27, said),
        ]
    )


def external(syntax: str, *, octets: bytes | None = None, value: bytes = b"") -> bytes:
    """The content of an EXTERNAL: a record as octets, or as one value of ASN.1."""
    held = _context(1, octets) if octets is not None else _context(0, [value])
    return written(UNIVERSAL, 6, ber.oid(syntax)) + held


def record(database: bytes, held: bytes) -> bytes:
    """A record among others: `held` is an EXTERNAL's content."""
    return written(
        UNIVERSAL,
        16,
        [_context(0, database), _context(1, [_context(1, [written(UNIVERSAL, 8, [held])])])],
    )


def surrogate(database: bytes, diagnostic: bytes) -> bytes:
    """A diagnostic in the place of a record."""
    return written(
        UNIVERSAL,
        16,
        [_context(0, database), _context(1, [_context(2, [written(UNIVERSAL, 16, [diagnostic])])])],
    )


def _records(records: Sequence[bytes], diagnostic: bytes | None) -> list[bytes]:
    if diagnostic is not None:
        return [_context(130, [diagnostic])]
    return [_context(28, records)] if records else []


def searched(
    reference: bytes | None,
    *,
    total: int,
    records: Sequence[bytes] = (),
    following: int = 0,
    status: int | None = None,
    diagnostic: bytes | None = None,
    found: bool = True,
) -> bytes:
    """What a search has found, with the first records where they are wanted at once; or why there is nothing."""
    return _response(
        23,
        reference,
        _number(23, total),
        _number(24, len(records)),
        _number(25, following),
        _context(22, ber.boolean(found)),
        *([] if found else [_number(26, 3)]),
        *([] if status is None else [_number(27, status)]),
        *_records(records, diagnostic),
    )


def presented(
    reference: bytes | None,
    *,
    records: Sequence[bytes] = (),
    following: int = 0,
    status: int = SUCCESS,
    diagnostic: bytes | None = None,
) -> bytes:
    """Records, or why there are none."""
    return _response(
        25,
        reference,
        _number(24, len(records)),
        _number(25, following),
        _number(27, status),
        *_records(records, diagnostic),
    )


def scanned(
    reference: bytes | None,
    *,
    terms: Sequence[tuple[bytes, int]] = (),
    position: int = 0,
    partial: bool = False,
    diagnostic: bytes | None = None,
) -> bytes:
    """Terms with how many titles have each; `partial`: the index begins or ends there."""
    if diagnostic is not None:
        entries = [_context(2, [written(UNIVERSAL, 16, [diagnostic])])]
    else:
        told = [_context(1, [_context(45, term), _number(2, count)]) for term, count in terms]
        entries = [_context(1, told)]
    status = 6 if diagnostic is not None else 5 if partial else 0
    return _response(
        36,
        reference,
        _number(3, 0),
        _number(4, status),
        _number(5, len(terms)),
        _number(6, position),
        _context(7, entries),
    )


def ordered(reference: bytes | None, *, total: int = 0, diagnostic: bytes | None = None) -> bytes:
    """A result set has been put in order, or why not; then nothing has changed."""
    if diagnostic is not None:
        told = [_context(5, [written(UNIVERSAL, 16, [diagnostic])])]
        return _response(44, reference, _number(3, 2), _number(4, 3), *told)
    return _response(44, reference, _number(3, 0), _number(6, total))


def deleted(reference: bytes | None, statuses: Sequence[tuple[str, bool]], *, listed: bool) -> bytes:
    """Result sets have gone; of those that were `listed` each is told of, and whether it was there."""
    missing = sum(not there for _, there in statuses)
    told = [
        written(UNIVERSAL, 16, [_context(31, name.encode()), _number(33, 0 if there else 1)])
        for name, there in statuses
    ]
    parts = [_number(0, 9 if missing else 0)]
    if listed:
        parts.append(_context(1, told))
    return _response(27, reference, *parts)


def closed(reference: bytes | None, reason: int, words: str = "") -> bytes:
    """The end of an association."""
    return _response(48, reference, _number(211, reason), *([_context(3, words.encode())] if words else []))
