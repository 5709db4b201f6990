"""A launch begins at a platform, goes there and comes back (Security Framework §5.1.1), and is judged."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import asyncpg

from chassis.database import Connection
from chassis.guard import Guard
from chassis.ids import uuid7
from chassis.problems import Unavailable
from gateway.lti import queries
from gateway.lti.queries import Purpose
from gateway.lti.rosters import remember
from gateway.lti.rules import (
    CLAIM,
    LONGEST_ID,
    Launch,
    Platform,
    key_of_subject,
    launch_of,
    refusals,
    titles_in,
)
from gateway.lti.trusting import PlatformKeys
from gateway.persons.admitting import Recognised, TurnedAway, Vouched, note, note_arrival, recognise
from gateway.persons.circulation import Circulation
from gateway.sessions.commands import Signed
from gateway.sessions.cookies import digest, new_token
from gateway.signon import asked as requests
from gateway.signon.asked import Asked
from gateway.signon.documents import SignOnDoc
from gateway.signon.rules import DoorRefused, Why, foreign_scopes
from gateway.tokens.keys import Sealer

DOOR: Final = "lti"
VISIT_LASTS: Final = timedelta(hours=2)
"""As long as somebody sits in a lesson; a launch anew takes a moment."""


@dataclass(slots=True)
class LtiParts:
    """What launches need in one process."""

    pool: asyncpg.Pool
    sealer: Sealer
    guard: Guard
    keys: PlatformKeys = field(init=False)

    def __post_init__(self) -> None:
        self.keys = PlatformKeys(self.guard)


@dataclass(frozen=True, slots=True)
class Initiation:
    """What a platform sends a browser here with (Core §5.1.1, Security Framework §5.1.1.1)."""

    iss: str
    login_hint: str
    target_link_uri: str
    client_id: str | None = None
    lti_message_hint: str | None = None
    lti_deployment_id: str | None = None
    lti_storage_target: str | None = None
    """The frame of the platform that keeps things for us where the browser does not."""
    window: bool = False
    """Whether this was begun anew in a window of its own."""

    def again(self) -> dict[str, str]:
        """The same, for a window of its own."""
        told = {
            "iss": self.iss,
            "login_hint": self.login_hint,
            "target_link_uri": self.target_link_uri,
            "client_id": self.client_id,
            "lti_message_hint": self.lti_message_hint,
            "lti_deployment_id": self.lti_deployment_id,
        }
        return {name: value for name, value in told.items() if value is not None} | {"window": "1"}


@dataclass(frozen=True, slots=True)
class Begun:
    """A launch that goes on at the platform."""

    url: str
    state: str
    browser: str
    platform: Platform


@dataclass(frozen=True, slots=True)
class Arrived:
    """Somebody came in: the token of their visit, and what it is for."""

    token: str
    visit: queries.Visit
    locale: str | None


async def begun(parts: LtiParts, told: Initiation, *, ours: str, now: datetime) -> Begun:
    """Where the browser goes on; `DoorRefused` for a platform that we do not know, or an address not ours."""
    platform = await queries.asking(parts.pool, told.iss, told.client_id)
    if platform is None:
        raise DoorRefused(Why.OTHER_ISSUER, about="no platform of this issuer and client, or several")
    if titles_in(told.target_link_uri, ours) is None:
        raise DoorRefused(Why.TARGET)
    browser, nonce = new_token(), new_token()
    state = await requests.keep(
        parts.pool,
        parts.sealer,
        door=DOOR,
        name=str(platform.id),
        browser=browser,
        context=None,
        return_to=told.target_link_uri,
        secrets={
            "nonce": nonce,
            "storage": told.lti_storage_target,
            "again": told.again(),
            "window": told.window,
        },
        now=now,
    )
    query = {
        "scope": "openid",
        "response_type": "id_token",
        "response_mode": "form_post",
        "prompt": "none",
        "client_id": platform.client_id,
        "redirect_uri": f"{ours}/lti/launch",
        "login_hint": told.login_hint,
        "state": state,
        "nonce": nonce,
    }
    if told.lti_message_hint is not None:
        query["lti_message_hint"] = told.lti_message_hint
    where = platform.authorization_url
    url = f"{where}{'&' if urlsplit(where).query else '?'}{urlencode(query)}"
    return Begun(url, state, browser, platform)


async def kept(parts: LtiParts, state: str, *, now: datetime) -> tuple[Platform, Asked, bool] | None:
    """The launch that an answer belongs to: at which platform, and whether it still waits; None: there is none."""
    found = await requests.kept(parts.pool, parts.sealer, door=DOOR, state=state, now=now)
    platform = await queries.platform(parts.pool, UUID(found[0])) if found is not None else None
    return (platform, found[1], found[2]) if found is not None and platform is not None else None


async def arrive(
    parts: LtiParts,
    circulation: Circulation,
    config: SignOnDoc,
    platform: Platform,
    *,
    ours: str,
    state: str,
    id_token: str | None,
    browser: str | None,
    now: datetime,
) -> Arrived:
    """Judge an answer and begin a visit; `DoorRefused` when it is not believed. It is used up either way."""
    asked = await requests.use(
        parts.pool, parts.sealer, door=DOOR, name=str(platform.id), state=state, browser=browser, now=now
    )
    try:
        launch = await _believed(parts, config, platform, ours, id_token, asked, now)
    except DoorRefused as error:
        await note(parts.pool, platform.issuer, None, "refused", tuple(error.codes), None, None, now)
        raise
    vouched = _vouched(platform, launch)
    known, stranger, help_url = await _recognised(parts, circulation, config, launch, vouched, now)
    purpose = Purpose(
        launch.deployment.id,
        launch.deployment.library,
        launch.titles,
        launch.settings,
        None if launch.course is None else launch.course.title or launch.course.label,
        stranger,
        help_url,
    )
    async with parts.pool.acquire() as connection, connection.transaction():
        if known is not None and vouched is not None:
            await note_arrival(connection, vouched, known, now)
        if launch.course is not None:
            person = known.person_id if known is not None else None
            await remember(connection, parts.sealer, platform, launch, person_id=person, now=now)
        token, visit = await _visiting(connection, parts.sealer, platform, known, purpose, now)
    return Arrived(token, visit, launch.locale)


async def _believed(
    parts: LtiParts,
    config: SignOnDoc,
    platform: Platform,
    ours: str,
    id_token: str | None,
    asked: Asked,
    now: datetime,
) -> Launch:
    if not id_token:
        raise DoorRefused(Why.DENIED)
    claims = await parts.keys.claims(id_token, platform.jwks_url)
    against = refusals(
        claims,
        platform,
        nonce=asked.secrets["nonce"],
        ours=ours,
        skew=timedelta(seconds=config.clock_skew_seconds),
        now=now,
    )
    if against:
        about = ""
        if Why.DEPLOYMENT in against:  # the library has to be told which, to let it in
            about = "deployment " + str(claims.get(f"{CLAIM}deployment_id"))[:LONGEST_ID]
        raise DoorRefused(*against, about=about)
    launch = launch_of(claims, platform, ours=ours)
    if foreign_scopes(launch.attributes, platform.scopes):
        raise DoorRefused(Why.SCOPE)
    return launch


def _vouched(platform: Platform, launch: Launch) -> Vouched | None:
    """What the platform says of somebody; None of somebody whom it does not name."""
    if launch.subject is None:
        return None
    signed = Signed(DOOR, platform.issuer, None, None, None, None, None)
    return Vouched(signed, launch.attributes, key_of_subject(platform.issuer, launch.subject))


async def _recognised(
    parts: LtiParts,
    circulation: Circulation,
    config: SignOnDoc,
    launch: Launch,
    vouched: Vouched | None,
    now: datetime,
) -> tuple[Recognised | None, str | None, str | None]:
    """Who somebody is here, and why they are no patron. Whoever is none may look at everything all the same."""
    if vouched is None:
        return None, "not-named", None
    if launch.deployment.library is not None:  # new patrons belong to the library of the deployment
        persons = config.persons.model_copy(update={"library": launch.deployment.library})
        config = config.model_copy(update={"persons": persons})
    try:
        known = await recognise(parts.pool, circulation, config, vouched, now=now)
    except TurnedAway as error:
        return None, error.reason, error.help_url
    except Unavailable:
        return None, "circulation-away", None
    if known.patron_id is not None:
        return known, None, None
    return known, known.reasons[0] if known.reasons else "patron-unknown", None


async def _visiting(
    connection: Connection,
    sealer: Sealer,
    platform: Platform,
    known: Recognised | None,
    purpose: Purpose,
    now: datetime,
) -> tuple[str, queries.Visit]:
    token, visit_id = new_token(), uuid7()
    person, patron = (known.person_id, known.patron_id) if known is not None else (None, None)
    await connection.execute(
        "INSERT INTO lti_visit (id, token_hash, platform_id, person_id, patron_id, sealed, began_at, ends_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        visit_id,
        digest(token),
        platform.id,
        person,
        patron,
        sealer.seal(queries.packed(purpose)),
        now,
        now + VISIT_LASTS,
    )
    return token, queries.Visit(visit_id, platform, person, patron, purpose, over=False)
