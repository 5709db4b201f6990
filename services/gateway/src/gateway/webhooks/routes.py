"""Webhooks: subscribing, and looking at what became of each delivery."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import Depends, Query, Request, Response

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import Edge, ReadTx, Tx
from chassis.etags import IfMatch
from chassis.principal import Principal, may
from chassis.problems import (
    Forbidden,
    Invalid,
    PreconditionRequired,
    Reason,
    Stale,
    Unauthenticated,
    problems,
)
from gateway.fan_out import ServiceFault, ask, read_positions
from gateway.webhooks import commands, queries
from gateway.webhooks.catalogue import kinds
from gateway.webhooks.commands import (
    MANAGE,
    LastSecret,
    NoDelivery,
    NoSecret,
    NotNow,
    NoWebhook,
    OwnerUnknown,
    SecretsEnough,
    TooMany,
    Wished,
)
from gateway.webhooks.feeds import READER
from gateway.webhooks.models import (
    NULLABLE,
    ActivationIn,
    DeliveryOut,
    DeliveryWithTriesOut,
    EventTypeOut,
    EventTypesOut,
    NewSecretOut,
    NewWebhookOut,
    ReplayIn,
    SecretOut,
    TryOut,
    TurnIn,
    WebhookChange,
    WebhookIn,
    WebhookOut,
    WebhookStateOut,
)
from gateway.webhooks.rules import may_hear
from gateway.webhooks.signing import Key
from gateway.webhooks.tables import Webhook, WebhookDelivery, WebhookSecret

router = new_router(tag="webhooks")

Owner = Annotated[Principal, Depends(may("webhooks:own", MANAGE))]
DOOR = (Unauthenticated, Forbidden)


def _out(row: Webhook | queries.Row) -> dict[str, Any]:
    told = row.model_dump() if isinstance(row, Webhook) else dict(row)
    return told | {"owner": f"{told['owner_kind']}:{told['owner_ref']}"}


def _secret_out(secret: WebhookSecret) -> dict[str, Any]:
    return {
        "id": secret.id,
        "kind": secret.kind,
        "public_key": secret.public,
        "created_at": secret.created_at,
        "expires_at": secret.expires_at,
    }


def _once(request: Request, response: Response, told: WebhookOut | SecretOut) -> None:
    """What is kept for a repetition is the answer without the secret."""
    response.headers["Cache-Control"] = "no-store"
    edge: Edge = request.state.edge
    edge.kept_body = told.model_dump_json().encode()


@router.get(
    "/v1/webhook-event-types", response_model=EventTypesOut, responses=problems(Unauthenticated, Forbidden)
)
async def list_event_types(by: Owner) -> EventTypesOut:
    """What can be subscribed to, and whether you may."""
    return EventTypesOut(
        items=[
            EventTypeOut(
                type=kind.type,
                description=kind.told,
                scope=kind.scope,
                granted=may_hear(by.scopes, kind.type),
                filters=[
                    *(["libraries"] if kind.libraries else []),
                    *(["locations"] if kind.locations else []),
                    "keys",
                ],
            )
            for kind in kinds().values()
        ]
    )


@router.post(
    "/v1/webhooks",
    status_code=201,
    response_model=NewWebhookOut,
    responses=problems(*DOOR, Invalid, OwnerUnknown, TooMany),
)
async def create_webhook(
    request: Request, tx: Tx, by: Owner, body: WebhookIn, response: Response, now: Now
) -> NewWebhookOut:
    """Subscribe. The secret is in this answer and nowhere else; a repetition with the same key is without it.

    A signed `webhook.verify` is sent to the URL; once it answers with the challenge, events follow.
    """
    state = request.app.state
    webhook, key, secrets = await commands.create(
        tx,
        by=by,
        wished=Wished.read(body.model_dump()),
        signature=body.signature,
        guard=state.webhook_guard,
        sealer=state.sealer,
        now=now,
    )
    response.headers["Location"] = f"/v1/webhooks/{webhook.id}"
    etags.tag(response, webhook.version)
    out = NewWebhookOut(**_out(webhook), secrets=[NewSecretOut(**_secret_out(secret)) for secret in secrets])
    _once(request, response, out)
    shown = [each.model_copy(update={"secret": _shown(key)}) for each in out.secrets]
    return out.model_copy(update={"secrets": shown})


def _shown(key: Key) -> str | None:
    return key.secret if key.kind == "v1" else None


@router.get("/v1/webhooks", response_model=cursors.Page[WebhookOut], responses=problems(*DOOR, Invalid))
async def list_webhooks(
    tx: ReadTx,
    by: Owner,
    request: Request,
    response: Response,
    everybody: Annotated[bool, Query(description=f"Those of all owners; needs {MANAGE}")] = False,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[WebhookOut]:
    """Your webhooks, oldest first; with `everybody` those of all owners."""
    if everybody and not by.may(MANAGE):
        raise Forbidden(
            reasons=[Reason("scope-missing", f"The scope {MANAGE} is not granted.", "query/everybody")]
        )
    after = cursors.uuid_in(cursor) if cursor else None
    owner = None if everybody else (by.kind, by.ref)
    rows = await queries.webhooks(tx, owner=owner, after=after, limit=limit + 1)
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[WebhookOut(**_out(row)) for row in rows[:limit]], next_cursor=more)


async def _state(tx: ReadTx, webhook: Webhook, now: datetime) -> WebhookStateOut:
    secrets = await commands.live_secrets(tx, [webhook.id], now)
    return WebhookStateOut(
        **_out(webhook),
        secrets=[SecretOut(**_secret_out(secret)) for secret in secrets],
        waiting=await queries.waiting(tx, webhook.id),
        catching_up=await queries.behind(tx, webhook.id),
    )


@router.get("/v1/webhooks/{webhook_id}", response_model=WebhookStateOut, responses=problems(*DOOR, NoWebhook))
async def get_webhook(
    tx: ReadTx, by: Owner, webhook_id: UUID, response: Response, now: Now
) -> WebhookStateOut:
    """One webhook, and how far it is."""
    webhook = await commands.mine(tx, by, webhook_id)
    etags.tag(response, webhook.version)
    return await _state(tx, webhook, now)


@router.patch(
    "/v1/webhooks/{webhook_id}",
    response_model=WebhookStateOut,
    responses=problems(*DOOR, NoWebhook, Stale, PreconditionRequired, Invalid),
)
async def change_webhook(
    request: Request,
    tx: Tx,
    by: Owner,
    webhook_id: UUID,
    body: WebhookChange,
    expected: IfMatch,
    response: Response,
    now: Now,
) -> WebhookStateOut:
    """Change what it hears or where it goes. Another URL is verified anew; what comes meanwhile waits."""
    changes = {
        name: value
        for name, value in body.model_dump(exclude_unset=True).items()
        if value is not None or name in NULLABLE
    }
    webhook = await commands.change(
        tx,
        by=by,
        webhook_id=webhook_id,
        expected=expected,
        changes=changes,
        guard=request.app.state.webhook_guard,
        now=now,
    )
    etags.tag(response, webhook.version)
    return await _state(tx, webhook, now)


@router.delete("/v1/webhooks/{webhook_id}", status_code=204, responses=problems(*DOOR, NoWebhook))
async def delete_webhook(tx: Tx, by: Owner, webhook_id: UUID) -> None:
    """End it, with its secrets and its log."""
    await commands.remove(tx, by=by, webhook_id=webhook_id)


@router.post(
    "/v1/webhooks/{webhook_id}/verifications",
    status_code=202,
    response_model=WebhookStateOut,
    responses=problems(*DOOR, NoWebhook, NotNow),
)
async def verify_webhook(
    tx: Tx, by: Owner, webhook_id: UUID, response: Response, now: Now
) -> WebhookStateOut:
    """Send the challenge once more."""
    webhook = await commands.verify(tx, by=by, webhook_id=webhook_id, now=now)
    etags.tag(response, webhook.version)
    return await _state(tx, webhook, now)


@router.post(
    "/v1/webhooks/{webhook_id}/pauses",
    status_code=201,
    response_model=WebhookStateOut,
    responses=problems(*DOOR, NoWebhook, NotNow),
)
async def pause_webhook(tx: Tx, by: Owner, webhook_id: UUID, response: Response, now: Now) -> WebhookStateOut:
    """Send nothing for a while. For as long as events are kept (35 days) nothing is lost."""
    webhook = await commands.pause(tx, by=by, webhook_id=webhook_id)
    etags.tag(response, webhook.version)
    return await _state(tx, webhook, now)


@router.post(
    "/v1/webhooks/{webhook_id}/activations",
    status_code=201,
    response_model=WebhookStateOut,
    responses=problems(*DOOR, NoWebhook, NotNow, Invalid, ServiceFault),
)
async def activate_webhook(
    request: Request, tx: Tx, by: Owner, webhook_id: UUID, body: ActivationIn, response: Response, now: Now
) -> WebhookStateOut:
    """Send again after a pause, or after it was disabled: `resume`, `skip` what waits, or `replay`."""
    positions = await _positions(request, body, now) if body.start == "replay" else None
    if positions is None and (body.since or body.after):
        raise Invalid(
            reasons=[Reason("start-contradicts", "Only `replay` goes back to somewhere named.", "/start")]
        )
    webhook = await commands.enable(
        tx,
        by=by,
        webhook_id=webhook_id,
        skip=body.start == "skip",
        positions=positions,
        guard=request.app.state.webhook_guard,
        now=now,
    )
    etags.tag(response, webhook.version)
    return await _state(tx, webhook, now)


@router.post(
    "/v1/webhooks/{webhook_id}/replays",
    status_code=202,
    response_model=WebhookStateOut,
    responses=problems(*DOOR, NoWebhook, NotNow, Invalid, ServiceFault),
)
async def replay_webhook(
    request: Request, tx: Tx, by: Owner, webhook_id: UUID, body: ReplayIn, response: Response, now: Now
) -> WebhookStateOut:
    """Send again what it hears since a moment or after a cursor, under the same ids and in order; then go on."""
    await commands.mine(tx, by, webhook_id)
    positions = await _positions(request, body, now)
    webhook = await commands.replay(tx, by=by, webhook_id=webhook_id, positions=positions)
    etags.tag(response, webhook.version)
    return await _state(tx, webhook, now)


async def _positions(request: Request, body: ReplayIn, now: datetime) -> dict[str, int]:
    """Each service's position where a replay begins."""
    if (body.since is None) == (body.after is None):
        raise Invalid(
            reasons=[
                Reason(
                    "start-unnamed", "Name a moment (`since`) or a cursor (`after`), one of them.", "/since"
                )
            ]
        )
    if body.after is not None:
        return read_positions(body.after)
    assert body.since is not None
    positions = {}
    for service in [*request.app.state.apps, *request.app.state.upstreams]:
        asked = {"since": body.since.isoformat(), "limit": 1}
        told = await ask(request, service, "GET", "/v1/changes", now, asker=READER, **asked)
        first = next(iter(told["positions"]), None)
        positions[service] = told["position"] if first is None else first - 1
    return positions


@router.post(
    "/v1/webhooks/{webhook_id}/tests",
    status_code=202,
    response_model=DeliveryOut,
    responses=problems(*DOOR, NoWebhook, NotNow),
)
async def test_webhook(tx: Tx, by: Owner, webhook_id: UUID, now: Now) -> DeliveryOut:
    """Send a `webhook.test`."""
    return _queued(await commands.send_test(tx, by=by, webhook_id=webhook_id, now=now))


def _queued(told: WebhookDelivery) -> DeliveryOut:
    return DeliveryOut(**told.model_dump(), last_tried_at=None, last_status=None, last_error=None)


@router.post(
    "/v1/webhooks/{webhook_id}/secrets",
    status_code=201,
    response_model=NewSecretOut,
    responses=problems(*DOOR, NoWebhook, SecretsEnough, Invalid),
)
async def turn_secret(
    request: Request, tx: Tx, by: Owner, webhook_id: UUID, body: TurnIn, response: Response, now: Now
) -> NewSecretOut:
    """A new secret, told this once; the one before it signs along for the overlap."""
    _, key, secret = await commands.turn_secret(
        tx,
        by=by,
        webhook_id=webhook_id,
        overlap=timedelta(hours=body.overlap_hours),
        sealer=request.app.state.sealer,
        now=now,
    )
    out = NewSecretOut(**_secret_out(secret))
    _once(request, response, out)
    return out.model_copy(update={"secret": _shown(key)})


@router.delete(
    "/v1/webhooks/{webhook_id}/secrets/{secret_id}",
    status_code=204,
    responses=problems(*DOOR, NoWebhook, NoSecret, LastSecret),
)
async def end_secret(tx: Tx, by: Owner, webhook_id: UUID, secret_id: UUID, now: Now) -> None:
    """Sign with it no more, at once; the other one stays for good."""
    await commands.end_secret(tx, by=by, webhook_id=webhook_id, secret_id=secret_id, now=now)


@router.get(
    "/v1/webhooks/{webhook_id}/deliveries",
    response_model=cursors.Page[DeliveryOut],
    responses=problems(*DOOR, NoWebhook, Invalid),
)
async def list_deliveries(
    tx: ReadTx,
    by: Owner,
    webhook_id: UUID,
    request: Request,
    response: Response,
    state: Literal["pending", "delivered", "failed", "skipped"] | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[DeliveryOut]:
    """The log, newest first; tries are kept 30 days."""
    webhook = await commands.mine(tx, by, webhook_id)
    before = cursors.uuid_in(cursor) if cursor else None
    rows: Sequence[queries.Row] = await queries.deliveries(
        tx, webhook_id=webhook.id, state=state, before=before, limit=limit + 1
    )
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[DeliveryOut(**row) for row in rows[:limit]], next_cursor=more)


@router.get(
    "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}",
    response_model=DeliveryWithTriesOut,
    responses=problems(*DOOR, NoWebhook, NoDelivery),
)
async def get_delivery(tx: ReadTx, by: Owner, webhook_id: UUID, delivery_id: UUID) -> DeliveryWithTriesOut:
    """One delivery: what is sent, and what came of each try."""
    webhook = await commands.mine(tx, by, webhook_id)
    row = await queries.delivery(tx, webhook_id=webhook.id, delivery_id=delivery_id)
    if row is None:
        raise NoDelivery
    tries = await queries.tries(tx, delivery_id)
    return DeliveryWithTriesOut(
        **{**row, "body": orjson.loads(row["body"])}, history=[TryOut(**each) for each in tries]
    )


@router.post(
    "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/resends",
    status_code=202,
    response_model=DeliveryOut,
    responses=problems(*DOOR, NoWebhook, NoDelivery, NotNow),
)
async def resend_delivery(tx: Tx, by: Owner, webhook_id: UUID, delivery_id: UUID, now: Now) -> DeliveryOut:
    """Send one delivery again, under the same id."""
    return _queued(await commands.resend(tx, by=by, webhook_id=webhook_id, delivery_id=delivery_id, now=now))
