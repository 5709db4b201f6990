"""Which patron somebody is: linked once, registered where there is none, brought up to date afterwards."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx

from gateway.fan_out import ServiceFault
from gateway.persons.circulation import Circulation
from gateway.persons.rules import Key
from gateway.signon.documents import PersonsDoc

log = logging.getLogger(__name__)

LONGEST_EXTERNAL_ID = 200
TRIES = 3


@dataclass(frozen=True, slots=True)
class Registration:
    """What came of it."""

    patron_id: UUID | None
    reasons: tuple[str, ...] = ()
    """Why there is none, or why it was not brought up to date."""


def external_id(key: Key) -> str:
    """The key as circulation keeps it; one that is too long is kept as its hash."""
    if len(key.value) <= LONGEST_EXTERNAL_ID:
        return key.value
    return "sha256:" + hashlib.sha256(key.value.encode()).hexdigest()


def wished(attributes: Mapping[str, Sequence[str]], group: str) -> dict[str, str]:
    """A registration as the campus would have it; a value that circulation could not keep is left out."""

    def first(name: str, longest: int) -> str | None:
        return next((value.strip()[:longest] for value in attributes.get(name, ()) if value.strip()), None)

    mail = first("mail", 320)
    told = {
        "family_name": first("family-name", 200) or first("display-name", 200),
        "given_name": first("given-name", 200) if first("family-name", 200) else None,
        "email": mail
        if mail and mail.count("@") == 1 and not any(letter.isspace() for letter in mail)
        else None,
        "group": group,
    }
    return {name: value for name, value in told.items() if value}


async def registered(
    circulation: Circulation,
    *,
    person_id: UUID,
    patron_id: UUID | None,
    key: Key,
    attributes: Mapping[str, Sequence[str]],
    group: str,
    doc: PersonsDoc,
    now: datetime,
) -> Registration:
    """The patron behind a person. `ServiceFault` when circulation does not answer and nobody is linked yet."""
    told = wished(attributes, group)
    try:
        found = await _found(circulation, patron_id, key, attributes, now)
    except ServiceFault:
        if patron_id is None:
            raise
        return Registration(patron_id, ("circulation-away",))
    if found is None:
        if not doc.register_patrons:
            return Registration(None, ("patron-unknown",))
        if "family_name" not in told:
            return Registration(None, ("name-missing",))
        return await _made(circulation, person_id, key, told, doc, now)
    try:
        reasons = await _brought_up_to_date(circulation, found, told, doc, now)
    except ServiceFault:
        reasons = ("circulation-away",)
    return Registration(UUID(found.json()["id"]), reasons)


async def _found(
    circulation: Circulation,
    patron_id: UUID | None,
    key: Key,
    attributes: Mapping[str, Sequence[str]],
    now: datetime,
) -> httpx.Response | None:
    """Their registration: the linked one (wherever it was merged to), the one of their key, the one of their card."""
    where = f"/v1/patrons/{patron_id}" if patron_id else None
    for _ in range(TRIES):
        if where is None:
            break
        answer = await circulation.ask("GET", where, now=now)
        if answer.status_code == 200:
            return answer
        where = f"/v1/patrons/{answer.json()['merged_into']}" if answer.status_code == 308 else None
    cards = attributes.get("card-number", ())
    for name, value in (("external_id", external_id(key)), *(("barcode", card[:100]) for card in cards[:1])):
        answer = await circulation.ask("GET", "/v1/patrons", now=now, params={name: value, "limit": "2"})
        items = answer.json().get("items", []) if answer.status_code == 200 else []
        if len(items) == 1:
            return await circulation.ask("GET", f"/v1/patrons/{items[0]['id']}", now=now)
    return None


async def _made(
    circulation: Circulation, person_id: UUID, key: Key, told: dict[str, str], doc: PersonsDoc, now: datetime
) -> Registration:
    """A new patron; two first sign-ins at one moment make one, by the key of idempotency or by the external id."""
    body: dict[str, Any] = {**told, "external_id": external_id(key)}
    if doc.library is not None:
        body["library"] = doc.library
    headers = {"Idempotency-Key": f"sign-on-{person_id}"}
    answer = await circulation.ask("POST", "/v1/patrons", now=now, json=body, headers=headers)
    if answer.status_code == 201:
        return Registration(UUID(answer.json()["id"]))
    told_back = answer.json()
    again = await _found(circulation, None, key, {}, now)
    if again is not None:
        return Registration(UUID(again.json()["id"]))
    codes = [reason["code"] for reason in told_back.get("reasons", ())] or [told_back.get("code", "refused")]
    log.warning("somebody could not be registered", extra={"person": str(person_id), "codes": codes})
    return Registration(None, tuple(f"not-registered:{code}" for code in codes))


async def _brought_up_to_date(
    circulation: Circulation, found: httpx.Response, told: dict[str, str], doc: PersonsDoc, now: datetime
) -> tuple[str, ...]:
    """Change what differs and is the campus's to say; what it does not say stays."""
    for _ in range(TRIES):
        kept = found.json()
        changes = {name: told[name] for name in doc.update if name in told and kept.get(name) != told[name]}
        if not changes:
            return ()
        where = f"/v1/patrons/{kept['id']}"
        headers = {"If-Match": found.headers["etag"]}
        answer = await circulation.ask("PATCH", where, now=now, json=changes, headers=headers)
        if answer.status_code != 412:
            break
        found = await circulation.ask("GET", where, now=now)
    if answer.status_code == 200:
        return ()
    code = answer.json().get("code", "refused")
    log.warning("a registration was not brought up to date", extra={"patron": kept["id"], "code": code})
    return (f"not-updated:{code}",)
