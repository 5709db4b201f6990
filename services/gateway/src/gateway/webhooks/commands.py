"""Subscriptions: made, changed, verified, paused, enabled, replayed; their secrets turned over."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import etags
from chassis.guard import Guard
from chassis.ids import uuid7
from chassis.json import dumped
from chassis.principal import Principal
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Refused
from gateway.clients.owners import owner_of
from gateway.tables import Client
from gateway.tokens.keys import Sealer
from gateway.webhooks import signing
from gateway.webhooks.catalogue import kinds
from gateway.webhooks.rules import EACH_OWNER, SECRETS_AT_ONCE, may_hear
from gateway.webhooks.tables import Webhook, WebhookDelivery, WebhookSecret

MANAGE = "webhooks:manage"


class NoWebhook(NotFound):
    """There is none, or it is somebody else's: which of the two is not told."""

    code, title = "webhook-unknown", "There is no such webhook."


class NoDelivery(NotFound):
    """The subscription has no such delivery, or has it no more."""

    code, title = "delivery-unknown", "There is no such delivery."


class NoSecret(NotFound):
    """The subscription has no such secret."""

    code, title = "secret-unknown", "There is no such secret."


class NotNow(Refused):
    """The subscription's state stands against it."""

    code, title = "webhook-state", "The webhook's state stands against it."

    def __init__(self, state: str, mend: str) -> None:
        super().__init__(reasons=[Reason(f"webhook-{state}", f"The webhook is {state}.", mend=mend)])


class OwnerUnknown(Refused):
    """Only what can be revoked may own a subscription."""

    code, title = (
        "owner-unknown",
        "Only a registered client, or somebody who signs in and may be looked up later, can own a webhook.",
    )


class TooMany(Refused):
    """The owner has as many subscriptions as one may have."""

    code, title = "too-many-webhooks", "You have as many webhooks as one may have."


class SecretsEnough(Refused):
    """Two secrets are live."""

    code, title = "two-secrets-live", "Two secrets are live: end the older one first, or let it expire."


class LastSecret(Refused):
    """Without a secret nothing could be signed."""

    code, title = "last-secret", "This is the only secret: make a new one first."


@dataclass(frozen=True, slots=True)
class Wished:
    """A subscription as somebody would like it."""

    url: str
    types: tuple[str, ...]
    description: str = ""
    libraries: tuple[str, ...] | None = None
    locations: tuple[str, ...] | None = None
    keys: tuple[str, ...] | None = None
    payload: str = "thin"
    data_agreement: str | None = None
    concurrency: int = 8

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> "Wished":
        """From what a client sent, or from what is kept."""
        named: dict[str, Any] = {
            name: tuple(told[name]) if isinstance(told[name], list) else told[name]
            for name in cls.__dataclass_fields__
        }
        return cls(**named)

    def columns(self) -> dict[str, Any]:
        """As it is kept."""
        told = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in told.items()}


def _types(by: Principal, wished: Wished) -> tuple[list[Reason], list[Reason]]:
    """What is wrong with the types wished for, and what the asker lacks for them."""
    known, wrong, lacking = kinds(), [], []
    for place, name in enumerate(wished.types):
        pointer = f"/types/{place}"
        if name not in known:
            text_ = f"There is no event {name[:100]!r}."
            wrong.append(Reason("type-unknown", text_, pointer, "See GET /v1/webhook-event-types."))
            continue
        kind = known[name]
        for filtered, tells, what in (
            (wished.libraries, kind.libraries, "library"),
            (wished.locations, kind.locations, "location"),
        ):
            if filtered is not None and not tells:
                wrong.append(
                    Reason(
                        "filter-never-fits",
                        f"Events {name} name no {what}: with this filter none would ever be sent.",
                        pointer,
                        "Subscribe to it separately, without the filter.",
                    )
                )
        if not may_hear(by.scopes, name):
            text_ = f"What {name} tells is read with {kind.scope}, which you do not have."
            lacking.append(Reason("scope-missing", text_, pointer))
        if by.libraries is not None and kind.lists and wished.payload == "full":
            lacking.append(
                Reason(
                    "libraries-mixed",
                    f"{name} tells of several libraries at once, and you work for some.",
                    pointer,
                    "Take thin payloads.",
                )
            )
    return wrong, lacking


def _own_libraries(by: Principal, wished: Wished) -> list[Reason]:
    if by.libraries is None or (wished.libraries and by.libraries.issuperset(wished.libraries)):
        return []
    return [
        Reason(
            "library-missing",
            "You work for some libraries: name those of them whose events you want.",
            "/libraries",
        )
    ]


async def check(by: Principal, wished: Wished, guard: Guard, *, same_url: bool = False) -> Wished:
    """The wish in order, or every reason against it."""
    wished = replace(wished, types=tuple(dict.fromkeys(wished.types)))
    wrong, lacking = _types(by, wished)
    if not same_url:
        wrong += [
            Reason(refusal.code, refusal.text, "/url", refusal.mend)
            for refusal in await guard.refusals(wished.url)
        ]
    if wished.payload == "full" and not wished.data_agreement:
        wrong.append(
            Reason(
                "agreement-missing",
                "Whole payloads go out under a data agreement only.",
                "/data_agreement",
                "Name the agreement, or take thin payloads.",
            )
        )
    if wrong:
        raise Invalid(reasons=wrong)
    if wished.payload == "full" and not by.may(MANAGE):
        lacking.append(
            Reason("scope-missing", f"Whole payloads are granted by whoever has {MANAGE}.", "/payload")
        )
    if lacking := [*lacking, *_own_libraries(by, wished)]:
        raise Forbidden("One hears only what one may read.", reasons=lacking)
    return wished


async def create(
    session: AsyncSession,
    *,
    by: Principal,
    wished: Wished,
    signature: str,
    guard: Guard,
    sealer: Sealer,
    now: datetime,
) -> tuple[Webhook, signing.Key, list[WebhookSecret]]:
    """Make a subscription; it hears from now on, and is sent to once its URL is verified."""
    wished = await check(by, wished, guard)
    owner_id = await _owner(session, by, now)
    await session.execute(_ONE_BY_ONE, {"owner": f"webhooks of {by.actor}"})
    if await session.scalar(_COUNT, {"kind": by.kind, "ref": by.ref}) >= EACH_OWNER:
        raise TooMany(reasons=[Reason("too-many-webhooks", f"One may have {EACH_OWNER}.", limit=EACH_OWNER)])
    webhook = Webhook(
        id=uuid7(),
        owner_kind=by.kind,
        owner_ref=by.ref,
        owner_id=owner_id,
        signature=signature,
        challenge="",
        created_at=now,
        **wished.columns(),
    )
    session.add(webhook)
    await session.flush()
    await _keep_place(session, webhook)
    await _ask_to_verify(session, webhook, now)
    key, secret = _secret(webhook, sealer, now)
    session.add(secret)
    await session.flush()
    return webhook, key, [secret]


async def _owner(session: AsyncSession, by: Principal, now: datetime) -> UUID | None:
    """The row that stands for the asker, by which it is seen when they may no more; None for the operator's key."""
    if (by.kind, by.ref) == ("staff", "operator"):
        return None
    try:
        owner_id = UUID(by.ref)
    except ValueError:
        raise OwnerUnknown from None
    if by.kind == "client":
        known = await session.get(Client, owner_id) is not None
    else:
        known = by.kind == "staff" and await owner_of(session, owner_id, now=now) is not None
    if not known:
        raise OwnerUnknown
    return owner_id


def _secret(webhook: Webhook, sealer: Sealer, now: datetime) -> tuple[signing.Key, WebhookSecret]:
    key = signing.new_key(webhook.signature)
    return key, WebhookSecret(
        id=uuid7(),
        webhook_id=webhook.id,
        kind=key.kind,
        sealed=sealer.seal(key.raw),
        public=key.public,
        created_at=now,
    )


async def _keep_place(session: AsyncSession, webhook: Webhook) -> None:
    """Whatever comes after this moment is heard, as the subscription then is."""
    await session.execute(_KEEP_PLACE, {"id": webhook.id})


async def _ask_to_verify(session: AsyncSession, webhook: Webhook, now: datetime) -> None:
    """Queue a signed challenge; only when it is echoed is anything else sent."""
    webhook.challenge = secrets.token_urlsafe(32)
    webhook.verified_at, webhook.reason = None, None
    await session.execute(_SKIP_VERIFICATIONS, {"id": webhook.id, "now": now})
    data = {"webhook_id": str(webhook.id), "challenge": webhook.challenge}
    session.add(_message(webhook, "verification", "webhook.verify", data, now))
    await session.flush()


def _message(
    webhook: Webhook, kind: str, type_: str, data: Mapping[str, str], now: datetime
) -> WebhookDelivery:
    id_ = uuid7()
    told = {"type": type_, "timestamp": now, "id": str(id_), "data": data}
    return WebhookDelivery(
        id=id_,
        webhook_id=webhook.id,
        kind=kind,
        message_id=str(id_),
        type=type_,
        key=f"{kind}/{id_}",
        position=0,
        body=dumped(told),
        created_at=now,
        due_at=now,
        since=now,
    )


async def mine(session: AsyncSession, by: Principal, webhook_id: UUID, *, lock: bool = False) -> Webhook:
    """A subscription that the asker may see: their own, or any for who manages them."""
    webhook = await session.get(Webhook, webhook_id, with_for_update=lock)
    if webhook is None or webhook.state == "deleted":
        raise NoWebhook
    if (webhook.owner_kind, webhook.owner_ref) != (by.kind, by.ref) and not by.may(MANAGE):
        raise NoWebhook
    return webhook


async def change(
    session: AsyncSession,
    *,
    by: Principal,
    webhook_id: UUID,
    expected: int,
    changes: Mapping[str, object],
    guard: Guard,
    now: datetime,
) -> Webhook:
    """Change what it hears or where it goes; another URL is verified anew, while what comes meanwhile waits."""
    webhook = await mine(session, by, webhook_id, lock=True)
    etags.guard(expected=expected, found=webhook.version)
    wished = Wished.read({**webhook.model_dump(), **changes})
    same_url = wished.url == webhook.url
    wished = await check(by, wished, guard, same_url=same_url)
    for name, value in wished.columns().items():
        setattr(webhook, name, value)
    await _keep_place(session, webhook)
    if not same_url:
        if webhook.state == "active":
            webhook.state = "unverified"
        webhook.failures, webhook.failing_since, webhook.rests_until, webhook.warned = 0, None, None, 0
        await _ask_to_verify(session, webhook, now)
    webhook.version += 1
    await session.flush()
    return webhook


async def verify(session: AsyncSession, *, by: Principal, webhook_id: UUID, now: datetime) -> Webhook:
    """Send the challenge once more."""
    webhook = await mine(session, by, webhook_id, lock=True)
    if webhook.state != "unverified":
        raise NotNow(
            webhook.state, "Only an unverified one is verified; change the URL to have it verified anew."
        )
    await _ask_to_verify(session, webhook, now)
    webhook.version += 1
    await session.flush()
    return webhook


async def pause(session: AsyncSession, *, by: Principal, webhook_id: UUID) -> Webhook:
    """Send nothing for a while; what comes meanwhile is not lost."""
    webhook = await mine(session, by, webhook_id, lock=True)
    if webhook.state != "active":
        raise NotNow(webhook.state, "Only an active one is paused.")
    webhook.state = "paused"
    await _keep_place(session, webhook)
    webhook.version += 1
    await session.flush()
    return webhook


async def enable(
    session: AsyncSession,
    *,
    by: Principal,
    webhook_id: UUID,
    skip: bool,
    positions: Mapping[str, int] | None,
    guard: Guard,
    now: datetime,
) -> Webhook:
    """Send again: from where it stopped, from other positions, or only what comes from now on."""
    webhook = await mine(session, by, webhook_id, lock=True)
    if webhook.state not in ("paused", "disabled"):
        raise NotNow(webhook.state, "Only a paused or disabled one is enabled.")
    if (by.kind, by.ref) == (webhook.owner_kind, webhook.owner_ref):
        await check(by, Wished.read(webhook.model_dump()), guard)
    if skip:
        await session.execute(_SKIP, {"id": webhook.id, "now": now})
        await session.execute(_LEAVE_PLACES, {"id": webhook.id})
        await _keep_place(session, webhook)
    if positions is not None:
        await _go_back(session, webhook, positions)
    webhook.state = "active" if webhook.verified_at is not None else "unverified"
    webhook.failures, webhook.failing_since, webhook.rests_until, webhook.warned = 0, None, None, 0
    webhook.reason = None
    await session.execute(_FRESHLY_DUE, {"id": webhook.id, "now": now})
    if webhook.verified_at is None:
        await _ask_to_verify(session, webhook, now)
    webhook.version += 1
    await session.flush()
    return webhook


async def replay(
    session: AsyncSession, *, by: Principal, webhook_id: UUID, positions: Mapping[str, int]
) -> Webhook:
    """Send again whatever it hears after these positions, in order, and go on from there."""
    webhook = await mine(session, by, webhook_id, lock=True)
    if webhook.state not in ("active", "paused"):
        raise NotNow(webhook.state, "Verify or enable it first.")
    await _go_back(session, webhook, positions)
    webhook.version += 1
    await session.flush()
    return webhook


async def _go_back(session: AsyncSession, webhook: Webhook, positions: Mapping[str, int]) -> None:
    feeds = {row.source: row.position for row in await session.execute(_FEEDS)}
    if ahead := [name for name, at in positions.items() if name in feeds and at > feeds[name]]:
        raise Invalid(
            reasons=[
                Reason(
                    "position-unknown",
                    f"No event of {', '.join(sorted(ahead))} has this position yet.",
                    "/after",
                    "Take a cursor of GET /v1/changes.",
                )
            ]
        )
    for source, position in sorted(positions.items()):
        if source in feeds:
            await session.execute(_GO_BACK, {"id": webhook.id, "source": source, "position": position})


async def send_test(
    session: AsyncSession, *, by: Principal, webhook_id: UUID, now: datetime
) -> WebhookDelivery:
    """Queue a `webhook.test`."""
    webhook = await mine(session, by, webhook_id, lock=True)
    if webhook.state != "active":
        raise NotNow(webhook.state, "Verify or enable it first.")
    told = _message(webhook, "test", "webhook.test", {"webhook_id": str(webhook.id)}, now)
    session.add(told)
    await session.flush()
    return told


async def resend(
    session: AsyncSession, *, by: Principal, webhook_id: UUID, delivery_id: UUID, now: datetime
) -> WebhookDelivery:
    """Send one delivery again, behind what waits of its key before it."""
    webhook = await mine(session, by, webhook_id, lock=True)
    if webhook.state != "active":
        raise NotNow(webhook.state, "Verify or enable it first.")
    told = await session.get(WebhookDelivery, delivery_id, with_for_update=True)
    if told is None or told.webhook_id != webhook.id or told.kind == "verification":
        raise NoDelivery
    if told.leased_until is None:
        told.state, told.failures, told.since, told.ended_at = "pending", 0, now, None
        told.due_at = None
        await session.flush()
        await session.execute(_HOLD_BACK, {"id": webhook.id, "key": told.key})
        await session.execute(_BRING_FORWARD, {"id": webhook.id, "key": told.key, "now": now})
        await session.refresh(told)
    return told


async def remove(session: AsyncSession, *, by: Principal, webhook_id: UUID) -> None:
    """End it for good: nothing is sent from now on, secrets are gone at once, its log within the hour."""
    webhook = await mine(session, by, webhook_id, lock=True)
    webhook.state = "deleted"
    await session.execute(_FORGET_SECRETS, {"id": webhook.id})
    await session.execute(_LEAVE_PLACES, {"id": webhook.id})
    await session.flush()


async def turn_secret(
    session: AsyncSession,
    *,
    by: Principal,
    webhook_id: UUID,
    overlap: timedelta,
    sealer: Sealer,
    now: datetime,
) -> tuple[Webhook, signing.Key, WebhookSecret]:
    """A new secret; the one before it signs along for a while, so that receivers can change over."""
    webhook = await mine(session, by, webhook_id, lock=True)
    live = await live_secrets(session, [webhook.id], now)
    if len(live) >= SECRETS_AT_ONCE:
        raise SecretsEnough
    for secret in live:
        secret.expires_at = now + overlap
    key, made = _secret(webhook, sealer, now)
    session.add(made)
    await session.flush()
    return webhook, key, made


async def end_secret(
    session: AsyncSession, *, by: Principal, webhook_id: UUID, secret_id: UUID, now: datetime
) -> None:
    """Sign with it no more, at once."""
    webhook = await mine(session, by, webhook_id, lock=True)
    live = {secret.id: secret for secret in await live_secrets(session, [webhook.id], now)}
    if secret_id not in live:
        raise NoSecret
    if len(live) == 1:
        raise LastSecret
    (other,) = (secret for secret in live.values() if secret.id != secret_id)
    other.expires_at = None
    await session.delete(live[secret_id])
    await session.flush()


async def live_secrets(
    session: AsyncSession, webhooks: Iterable[UUID], now: datetime
) -> Sequence[WebhookSecret]:
    """What signs, newest first."""
    rows = await session.execute(_LIVE, {"webhooks": list(webhooks), "now": now})
    found = [await session.get_one(WebhookSecret, row.id) for row in rows]
    return sorted(found, key=lambda secret: secret.created_at, reverse=True)


_ONE_BY_ONE = text("SELECT pg_advisory_xact_lock(hashtextextended(:owner, 0))")
_COUNT = text(
    "SELECT count(*) FROM webhook WHERE owner_kind = :kind AND owner_ref = :ref AND state <> 'deleted'"
)
_KEEP_PLACE = text("""
INSERT INTO webhook_place (webhook_id, source, position, again)
SELECT CAST(:id AS uuid), source, position, false FROM webhook_feed ON CONFLICT DO NOTHING
""")
_GO_BACK = text("""
INSERT INTO webhook_place (webhook_id, source, position, again) VALUES (:id, :source, :position, true)
ON CONFLICT (webhook_id, source) DO UPDATE
SET position = least(webhook_place.position, excluded.position), again = true
""")
_LEAVE_PLACES = text("DELETE FROM webhook_place WHERE webhook_id = :id")
_FEEDS = text("SELECT source, position FROM webhook_feed")
_SKIP_VERIFICATIONS = text("""
UPDATE webhook_delivery SET state = 'skipped', due_at = NULL, leased_until = NULL, ended_at = :now
WHERE webhook_id = :id AND kind = 'verification' AND state = 'pending'
""")
_SKIP = text("""
UPDATE webhook_delivery SET state = 'skipped', due_at = NULL, leased_until = NULL, ended_at = :now
WHERE webhook_id = :id AND state = 'pending'
""")
_FRESHLY_DUE = text("""
UPDATE webhook_delivery SET due_at = :now, since = :now
WHERE webhook_id = :id AND due_at IS NOT NULL AND leased_until IS NULL
""")
_HOLD_BACK = text("""
UPDATE webhook_delivery d SET due_at = NULL WHERE d.webhook_id = :id AND d.key = :key AND d.state = 'pending'
AND d.due_at IS NOT NULL AND d.leased_until IS NULL AND EXISTS (
    SELECT FROM webhook_delivery e WHERE e.webhook_id = :id AND e.key = :key AND e.state = 'pending'
    AND e.position < d.position)
""")
_BRING_FORWARD = text("""
UPDATE webhook_delivery d SET due_at = :now FROM (
    SELECT p.id FROM webhook_delivery p WHERE p.webhook_id = :id AND p.key = :key AND p.state = 'pending'
    ORDER BY p.position LIMIT 1) AS head
WHERE d.id = head.id AND d.due_at IS NULL AND NOT EXISTS (
    SELECT FROM webhook_delivery o WHERE o.webhook_id = :id AND o.leased_until IS NOT NULL AND o.key = :key)
""")
_FORGET_SECRETS = text("DELETE FROM webhook_secret WHERE webhook_id = :id")
_LIVE = text("""
SELECT id FROM webhook_secret WHERE webhook_id = ANY (:webhooks) AND (expires_at IS NULL OR expires_at > :now)
""")
