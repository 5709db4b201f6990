"""Who somebody is at this moment, and what of it a program may use for them."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from chassis.database import Connection
from chassis.principal import Principal
from gateway.consents.rules import OF_PATRONS, grantable, granted
from gateway.roles.rules import scopes_of

LOCAL = "account"
"""The kind of key by which somebody is known who signs in with a local account; its value is the account's id."""

_NOW = """
SELECT person.key_kind, person.patron_id, account.patron_id AS own_patron, account.roles AS own_roles,
    account.disabled, account.libraries AS own_libraries, account.service_point_id,
    session.roles, session.libraries, session.id IS NOT NULL AS alive
FROM person
LEFT JOIN account ON person.key_kind = 'account' AND account.id = person.id
LEFT JOIN browser_session AS session ON session.id = $2 AND session.person_id = person.id AND session.ends_at > $3
    AND session.seen_at + make_interval(secs => session.idle_seconds) > $3
WHERE person.id = $1
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """What somebody may do now."""

    person_id: UUID
    scopes: frozenset[str]
    patron_id: UUID | None
    libraries: frozenset[str] | None
    service_point_id: UUID | None

    def limited_to(self, scopes: frozenset[str]) -> "Standing":
        """The same with no more than these."""
        if "*" in scopes:
            return self
        kept = grantable(scopes) if "*" in self.scopes else grantable(self.scopes) & grantable(scopes)
        return replace(self, scopes=kept)

    def principal(self, asked: Collection[str], *, by: UUID | None) -> Principal | None:
        """Them, as far as the program may go; None when nothing is left. `by`: the program, where it is not ours."""
        scopes = granted(asked, self.scopes)
        if not scopes:
            return None
        own = not OF_PATRONS.isdisjoint(scopes)
        return Principal(
            "patron" if scopes <= OF_PATRONS else "staff",
            str(self.person_id),
            scopes,
            patron_id=self.patron_id if own else None,
            libraries=self.libraries,
            service_point_id=self.service_point_id,
            on_behalf_of=f"client:{by}" if by is not None else None,
        )


async def standing(
    connection: Connection, person_id: UUID, session_id: UUID | None, *, now: datetime
) -> Standing | None:
    """Somebody's standing; None when they are gone, shut out, or their session, where one is named, is over.

    Without a session somebody whom a campus knows is a patron: what more they are the campus said for a session.
    """
    row = await connection.fetchrow(_NOW, person_id, session_id, now)
    if row is None or (session_id is not None and not row["alive"]):
        return None
    if row["key_kind"] == LOCAL:
        if row["own_roles"] is None or row["disabled"]:
            return None
        roles, libraries, patron = row["own_roles"], row["own_libraries"], row["own_patron"]
    elif session_id is not None:
        roles, libraries, patron = row["roles"], row["libraries"], row["patron_id"]
    else:
        roles, libraries, patron = ["patron"], None, row["patron_id"]
    return Standing(
        person_id,
        scopes_of(roles),
        patron,
        None if libraries is None else frozenset(libraries),
        row["service_point_id"],
    )
