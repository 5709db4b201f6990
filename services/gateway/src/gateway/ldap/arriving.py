"""Somebody whom a directory knows comes in by name and password."""

from datetime import datetime

import asyncpg

from gateway.ldap.directory import Directories, Entry
from gateway.ldap.rules import askable, one_value
from gateway.persons.admitting import Arrived, Vouched, admit, note
from gateway.persons.circulation import Circulation
from gateway.persons.rules import Key
from gateway.sessions.commands import Signed
from gateway.signon import secrets
from gateway.signon.documents import SignOnDoc
from gateway.signon.doors import LdapDoc
from gateway.signon.rules import DoorRefused, Why, attributes_of, foreign_scopes
from gateway.tokens.keys import Sealer


async def arrive(
    pool: asyncpg.Pool,
    sealer: Sealer,
    directories: Directories,
    circulation: Circulation,
    config: SignOnDoc,
    *,
    username: str,
    password: str,
    return_to: str,
    now: datetime,
) -> Arrived | None:
    """Ask the directories in their order; None when none of them knows this name and password.

    `DoorRefused` when none did and one of them does not answer, or an answer is not believed; `TurnedAway` when no
    rule lets them in.
    """
    typed = username.strip()
    if not config.ldap or not askable(typed, password) or not directories.may_guess(typed.lower(), now=now):
        return None
    away: DoorRefused | None = None
    for doc in config.ldap:
        try:
            secret = await secrets.read(pool, sealer, doc.name)
            entry = await directories.judged(doc, secret, typed, password)
        except DoorRefused as error:
            away = error
            continue
        if entry is not None:
            directories.was_right(typed.lower())
            vouched = await _believed(pool, doc, entry, now)
            return await admit(pool, circulation, config, vouched, return_to=return_to, now=now)
    if away is not None:
        raise away
    return None


async def _believed(pool: asyncpg.Pool, doc: LdapDoc, entry: Entry, now: datetime) -> Vouched:
    key, attributes = (
        one_value(entry.attributes, doc.key),
        attributes_of(dict(entry.attributes), doc.attributes),
    )
    against = Why.SCOPE if foreign_scopes(attributes, doc.scopes) else Why.SUBJECT if key is None else None
    if against is not None:
        await note(pool, doc.provider, None, "refused", (str(against),), None, None, now)
        raise DoorRefused(against)
    signed = Signed("ldap", doc.provider, None, None, None, None, now)
    return Vouched(signed, attributes, Key("ldap", f"{doc.name}#{key}"))
