"""Patrons as they are shown: one statement a page, with every number by which they are known."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
from pydantic import BaseModel

from chassis import cursors
from chassis.database import Connection
from chassis.problems import Invalid, Reason
from circulation.registration.details import AddressDoc, EmailDoc, IdentifierDoc, NameFormDoc, PhoneDoc
from circulation.registration.documents import RegistrationDoc
from circulation.registration.own import seen
from circulation.registration.rules import folded, shown_name


class FormerCardOut(BaseModel):
    """A card of former times."""

    barcode: str
    state: str
    """`replaced`: it lends nothing; `merged`: of a registration merged into this one, it lends as this patron."""
    since: datetime


class PatronOut(BaseModel):
    """A patron."""

    id: UUID
    barcode: str | None
    external_id: str | None
    group: str
    family_name: str
    given_name: str | None
    preferred_name: str | None = None
    sort_name: str | None = None
    name_order: str | None = None
    name_forms: list[NameFormDoc] = []
    shown_name: str
    """As the patron is addressed."""
    email: str | None
    emails: list[EmailDoc] = []
    phones: list[PhoneDoc] = []
    addresses: list[AddressDoc] = []
    identifiers: list[IdentifierDoc] = []
    former_cards: list[FormerCardOut] = []
    language: str | None
    library: str | None
    birth_on: date | None = None
    statistics: dict[str, str] = {}
    custom: dict[str, Any] = {}
    """Facts that the library has decided upon; patrons see of themselves what is meant for them."""
    tags: list[str] = []
    note: str | None = None
    """Staff's; never shown to the patron."""
    expires_at: datetime | None
    active: bool
    open_loans: int
    owed: int
    claims: int = 0
    """How often the patron said to have brought back what was not found."""
    version: int


_COLUMNS: Final = """
    p.id, p.barcode, p.external_id, p.group_code AS "group", p.family_name, p.given_name, p.preferred_name,
    p.sort_name, p.name_order, p.name_forms, p.email, p.emails, p.phones, p.addresses, p.language, p.library,
    p.birth_on, p.statistics, p.custom, p.tags, p.note, p.expires_at, p.active, p.open_loans, p.owed, p.claims,
    p.version, p.name_key,
    coalesce((SELECT jsonb_agg(jsonb_build_object('kind', kind, 'value', value, 'state', state, 'since', since)
        ORDER BY kind, value) FROM patron_identifier WHERE patron_id = p.id), '[]') AS numbers
"""
_ONE = f"SELECT {_COLUMNS} FROM patron p WHERE p.id = $1"  # noqa: S608 - our own text


def shown(row: asyncpg.Record, *, to_patron: RegistrationDoc | None = None) -> PatronOut:
    """A row as staff see it, or as the patron may, by what is configured."""
    told = dict(row)
    if to_patron is not None:
        custom, tags = seen(to_patron.custom_fields, to_patron.tags, row["custom"], row["tags"])
        told |= {"custom": custom, "tags": tags, "note": None}
    numbers = told.pop("numbers")
    return PatronOut(
        **told
        | {
            "shown_name": shown_name(
                family=row["family_name"],
                given=row["given_name"],
                preferred=row["preferred_name"],
                family_first=row["name_order"] == "family-first",
            ),
            "identifiers": [
                IdentifierDoc(kind=each["kind"], value=each["value"])
                for each in numbers
                if each["state"] == "current"
            ],
            "former_cards": [
                FormerCardOut(barcode=each["value"], state=each["state"], since=each["since"])
                for each in numbers
                if each["kind"] == "barcode"
            ],
        }
    )


async def patron_by_id(connection: Connection | asyncpg.Pool, patron_id: UUID) -> asyncpg.Record | None:
    """One patron's row for `shown`."""
    return await connection.fetchrow(_ONE, patron_id)


async def page_of(
    pool: asyncpg.Pool,
    *,
    libraries: Collection[str] | None = None,
    name: str | None,
    barcode: str | None,
    external_id: str | None,
    identifier: str | None,
    cursor: str | None,
    limit: int,
) -> tuple[Sequence[asyncpg.Record], str | None]:
    """A page of patrons and the cursor of the next: by filing name where a name is asked for, else oldest first.

    Every word of the name begins a word of theirs, whatever its marks and case. A barcode finds whoever has or had
    the card, an external id whoever it was merged into.
    """
    asked: list[Any] = []

    def given(value: Any) -> str:
        asked.append(value)
        return f"${len(asked)}"

    wanted = ["true"]
    if libraries is not None:
        wanted.append(f"(p.library IS NULL OR p.library = ANY ({given(sorted(libraries))}::text[]))")
    if name is not None:
        wanted.append(f"p.name_words @@ CAST({given(_begin(name))}::text AS tsquery)")
    for kind, column, told in (("barcode", "barcode", barcode), ("external-id", "external_id", external_id)):
        if told is not None:
            place = given(told)
            wanted.append(
                f"p.id = coalesce((SELECT id FROM patron WHERE {column} = {place}), "  # noqa: S608 - our own text
                f"(SELECT patron_id FROM patron_identifier WHERE kind = '{kind}' AND value = {place}))"
            )
    if identifier is not None:
        kind, parted, value = identifier.partition(":")
        if not parted:
            text, mend = "An identifier is asked for by kind and value.", "Write it as kind:value."
            raise Invalid(reasons=[Reason("identifier-malformed", text, "query/identifier", mend)])
        wanted.append(
            f"p.id = (SELECT patron_id FROM patron_identifier WHERE kind = {given(kind)} "  # noqa: S608 - our own text
            f"AND value = {given(value)} AND state = 'current')"
        )
    if cursor is not None:
        wanted.append(_after(cursor, named=name is not None, given=given))
    order = "p.name_key, p.id" if name is not None else "p.id"
    rows = await pool.fetch(
        f"SELECT {_COLUMNS} FROM patron p WHERE {' AND '.join(wanted)} "  # noqa: S608 - our own text
        f"ORDER BY {order} LIMIT {given(limit + 1)}",
        *asked,
    )
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    key = (last["name_key"], str(last["id"])) if name is not None else (str(last["id"]),)
    return rows[:limit], cursors.encode(*key)


def _begin(name: str) -> str:
    words = folded(name).split()
    if not words:
        text, mend = "There is no letter and no digit in it.", "Ask for the beginning of a name."
        raise Invalid(reasons=[Reason("name-empty", text, "query/name", mend)])
    return " & ".join(f"'{word}':*" for word in words[:10])


def _after(cursor: str, *, named: bool, given: Any) -> str:
    if not named:
        return f"p.id > {given(cursors.uuid_in(cursor))}"
    name_key, told = cursors.decode(cursor, parts=2)
    try:
        patron_id = UUID(str(told))
    except ValueError:
        raise cursors.wrong_cursor() from None
    return f"(p.name_key, p.id) > ({given(str(name_key))}, {given(patron_id)})"
