"""A package as a KBART file, all 25 columns: what its list said, or what is known of a title that came by hand."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final
from uuid import UUID

import asyncpg

from erm.identifiers.rules import ISBN, ISSN
from erm.instances.rules import FOLLOWING
from erm.kbart.rules import COLUMNS
from erm.packages.queries import STATEMENTS

PAGE: Final = 1000
_PAGE: Final = f"""
SELECT i.id, i.sort_name, i.listed, i.origin, {STATEMENTS}, t.name, t.kind, t.publisher, t.first_author,
    t.first_editor, t.edition, t.volume, t.published_print, t.published_online,
    coalesce(i.url, CASE WHEN i.origin = 'hand' THEN pt.url END) AS url,
    (SELECT coalesce(jsonb_agg(jsonb_build_array(n.namespace, n.medium, n.value) ORDER BY n.value), '[]')
        FROM title_instance s JOIN title_identifier n ON n.title_id = s.id
        WHERE i.origin = 'hand' AND s.work_id = t.work_id) AS numbers
FROM package_item i JOIN platform_title pt ON pt.id = i.platform_title_id
JOIN title_instance t ON t.id = pt.title_id
WHERE i.package_id = $1 AND (i.sort_name, i.id) > ($2, $3::uuid) AND i.removed_at IS NULL
    AND coalesce(i.access_start_on <= $5, true) AND coalesce(i.access_end_on >= $5, true)
ORDER BY i.sort_name, i.id LIMIT $4
"""  # noqa: S608 - our own text
_BREAKS: Final = str.maketrans({"\t": " ", "\n": " ", "\r": " "})


def _number(row: Mapping[str, Any], medium: str) -> str:
    """A title's number in a medium: of a book its ISBN, of a serial its ISSN, where it has one."""
    wished = ISBN if row["kind"] == "monograph" else ISSN
    found = [value for namespace, of, value in row["numbers"] if (namespace, of) == (wished, medium)]
    return found[0] if found else ""


def _title(row: Any) -> dict[str, str]:
    if row["origin"] == "list":
        listed: dict[str, str] = row["listed"]
        return listed
    told = {column: row[name] or "" for column, name in FOLLOWING.items()}
    return told | {
        "publication_type": row["kind"],
        "print_identifier": _number(row, "print"),
        "online_identifier": _number(row, "electronic"),
    }


def lines(row: Any) -> bytes:
    """The rows of a title, one for each statement of its coverage."""
    title = _title(row)
    told = []
    for each in row["statements"]:
        cells: dict[str, str | None] = title | (each["listed"] or {})
        cells |= {
            "date_first_issue_online": each["starts"],
            "num_first_vol_online": each["start_volume"],
            "num_first_issue_online": each["start_issue"],
            "date_last_issue_online": each["ends"],
            "num_last_vol_online": each["end_volume"],
            "num_last_issue_online": each["end_issue"],
            "title_url": each["url"] or row["url"],
            "embargo_info": each["embargo"],
            "coverage_depth": each["depth"],
            "notes": each["note"],
            "access_type": each["access_type"],
        }
        told.append("\t".join((cells.get(name) or "").translate(_BREAKS) for name in COLUMNS))
    return "".join(f"{line}\n" for line in told).encode()


async def exported(pool: asyncpg.Pool, package_id: UUID, *, on: Any) -> AsyncIterator[bytes]:
    """The file, in pieces: its columns, and the titles that are in the package on a day, by name."""
    yield ("\t".join(COLUMNS) + "\n").encode()
    after: tuple[str, UUID] = ("", UUID(int=0))
    while rows := await pool.fetch(_PAGE, package_id, *after, PAGE, on):
        yield b"".join(lines(row) for row in rows)
        after = (rows[-1]["sort_name"], rows[-1]["id"])
