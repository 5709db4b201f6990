"""What was handed over, as it is here now; and what it comes to as a whole.

A record's line is its legacy id and what the system that handed it over can tell of it, parted by tabs; times in UTC
to the second. The checksum is the SHA-256 of the SHA-256s of all lines, in the order of the legacy ids' bytes: whoever
has the same records comes to the same sum. It is taken of the records themselves, not of what was told of them.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from circulation.legacy.rules import Kind

_MOMENT: Final = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""
_PATRON: Final = """
LEFT JOIN LATERAL (
    SELECT min(w.legacy_id) AS legacy_id FROM migrated_record w
    WHERE w.record_id = {}.patron_id AND w.source = m.source AND w.kind = 'patron'
) who ON true
"""
_RANK: Final = """(
    SELECT count(*) FROM hold a JOIN migrated_record b ON b.record_id = a.id AND b.source = m.source AND b.kind = 'hold'
    WHERE a.title_id = h.title_id AND a.position <= h.position
)"""
"""Where a hold stands among those handed over; 0 when it has ended."""
_WHERE: Final = "WHERE m.source = :source AND m.kind = '{}'"
_RECORDS: Final[dict[Kind, tuple[tuple[tuple[str, str], ...], str]]] = {
    Kind.PATRON: (
        (
            ("external_id", "p.external_id"),
            ("barcode", "p.barcode"),
            ("group", "p.group_code"),
            ("family_name", "p.family_name"),
            ("given_name", "p.given_name"),
            ("expires_at", _MOMENT.format("p.expires_at")),
        ),
        "LEFT JOIN patron p ON p.id = m.record_id",
    ),
    Kind.LOAN: (
        (
            ("patron", "who.legacy_id"),
            ("item_id", "l.item_id"),
            ("lent_at", _MOMENT.format("l.lent_at")),
            ("due_at", _MOMENT.format("l.due_at")),
            ("renewals", "l.renewals"),
        ),
        f"LEFT JOIN loan l ON l.id = m.record_id {_PATRON.format('l')}",
    ),
    Kind.HOLD: (
        (
            ("patron", "who.legacy_id"),
            ("title_id", "h.title_id"),
            ("item_id", "CASE WHEN h.level = 'item' THEN h.item_id END"),
            ("placed_at", _MOMENT.format("h.placed_at")),
            ("pickup", "(SELECT s.code FROM service_point s WHERE s.id = h.pickup_id)"),
            ("state", "h.state"),
            ("rank", _RANK),
        ),
        f"LEFT JOIN hold h ON h.id = m.record_id {_PATRON.format('h')}",
    ),
    Kind.FEE: (
        (
            ("patron", "who.legacy_id"),
            ("type", "f.kind"),
            ("amount", "f.amount"),
            ("remaining", "f.remaining"),
            ("currency", "f.currency"),
            ("charged_at", _MOMENT.format("f.charged_at")),
        ),
        f"LEFT JOIN fee f ON f.id = m.record_id {_PATRON.format('f')}",
    ),
}
"""Of each kind: the facts, and where they stand."""


def _facts(kind: Kind) -> str:
    told = ", ".join(f"'{name}', {told}" for name, told in _RECORDS[kind][0])
    return f"CASE WHEN m.record_id IS NOT NULL THEN jsonb_build_object({told}) END AS fields"


def _line(kind: Kind) -> str:
    told = ", ".join(f"coalesce(({told})::text, '')" for _, told in _RECORDS[kind][0])
    return f"concat_ws(chr(9), m.legacy_id, {told}) AS line"


_HEAD: Final = "SELECT m.legacy_id, m.outcome, m.record_id AS id, m.reasons, "
PAGES: Final = {
    kind: text(f"""
{_HEAD} {_facts(kind)} FROM migrated_record m {joined} {_WHERE.format(kind.value)} AND m.legacy_id > :after
ORDER BY m.legacy_id LIMIT :limit
""")
    for kind, (_, joined) in _RECORDS.items()
}
REFUSED: Final = {
    kind: text(f"""
{_HEAD} NULL AS fields FROM migrated_record m {_WHERE.format(kind.value)} AND m.outcome = 'refused'
    AND m.legacy_id > :after
ORDER BY m.legacy_id LIMIT :limit
""")
    for kind in _RECORDS
}
_NAMED: Final = {
    kind: text(f"""
{_HEAD} {_facts(kind)} FROM migrated_record m {joined} {_WHERE.format(kind.value)} AND m.legacy_id = ANY (:ids)
ORDER BY m.legacy_id
""")
    for kind, (_, joined) in _RECORDS.items()
}
_SUMS: Final = {
    kind: text(f"""
SELECT count(*) AS count, encode(sha256(coalesce(string_agg(sha256(convert_to(line, 'UTF8')), ''::bytea
        ORDER BY legacy_id), ''::bytea)), 'hex') AS checksum,
    (SELECT count(*) FROM migrated_record m {_WHERE.format(kind.value)} AND m.outcome = 'refused') AS refused
FROM (SELECT m.legacy_id, {_line(kind)} FROM migrated_record m {joined} {_WHERE.format(kind.value)}
    AND m.outcome = 'loaded') r
""")  # noqa: S608 - our own text
    for kind, (_, joined) in _RECORDS.items()
}
_MONEY: Final = text("""
SELECT f.currency, sum(f.amount)::bigint AS amount, sum(f.remaining)::bigint AS remaining
FROM migrated_record m JOIN fee f ON f.id = m.record_id
WHERE m.source = :source AND m.kind = 'fee' GROUP BY f.currency ORDER BY f.currency
""")


async def page(
    session: AsyncSession, source: str, kind: Kind, *, refused: bool, after: str, limit: int
) -> Sequence[Any]:
    """Rows in the order of their legacy ids, behind one; only those that were refused, or all."""
    told = {"source": source, "after": after, "limit": limit}
    return (await session.execute((REFUSED if refused else PAGES)[kind], told)).all()


async def named(session: AsyncSession, source: str, kind: Kind, ids: Sequence[str]) -> Sequence[Any]:
    """Those that these ids name."""
    return (await session.execute(_NAMED[kind], {"source": source, "ids": list(ids)})).all()


async def whole(session: AsyncSession, source: str, kind: Kind) -> Any:
    """How many were loaded and refused, and the checksum of those loaded."""
    return (await session.execute(_SUMS[kind], {"source": source})).one()


async def money(session: AsyncSession, source: str) -> Sequence[Any]:
    """What the fees come to, by currency."""
    return (await session.execute(_MONEY, {"source": source})).all()
