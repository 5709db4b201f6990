"""Where the gateway's parts meet."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta

from fastapi import FastAPI

from chassis.application import build
from chassis.database import rows_affected
from chassis.describing import document_beside
from chassis.migrations import migrations_beside
from chassis.resources import Resources, Service, Timer
from gateway import fan_out
from gateway.accounts import own as own_account
from gateway.accounts import page as own_factors
from gateway.accounts import passkeys
from gateway.accounts import routes as accounts
from gateway.accounts.door import Door
from gateway.audit import routes as audit
from gateway.audit.journal import Journal
from gateway.authentication import Authenticator
from gateway.budgets import counting
from gateway.budgets import routes as budgets
from gateway.budgets.counting import Budgets
from gateway.budgets.door import Entrance
from gateway.budgets.places import Places
from gateway.budgets.rules import Kind
from gateway.budgets.work import Work
from gateway.cas import routes as cas
from gateway.cas.arriving import CasParts
from gateway.clients import own as own_clients
from gateway.clients import routes as clients
from gateway.consents import device_routes as devices
from gateway.consents import granting
from gateway.consents import routes as consents
from gateway.ldap.directory import Directories
from gateway.lti import course_routes as lti_courses
from gateway.lti import invitation_routes as lti_invitations
from gateway.lti import keys as lti_keys
from gateway.lti import platform_routes as lti_platforms
from gateway.lti import registration_routes as lti_registrations
from gateway.lti import rosters
from gateway.lti import routes as lti
from gateway.lti import visit_routes as lti_visits
from gateway.lti.arriving import LtiParts
from gateway.oidc import routes as oidc
from gateway.oidc.arriving import OidcParts
from gateway.origins.known import Origins
from gateway.paia import routes as paia
from gateway.persons import routes as persons
from gateway.portal import hooks as own_hooks
from gateway.portal import own as own_pages
from gateway.portal import routes as portal
from gateway.portal import security
from gateway.portal.whole import WholeDocument
from gateway.routing.dispatch import Dispatcher
from gateway.routing.upstream import Upstream
from gateway.saml import operating as saml_operating
from gateway.saml import requests, sources
from gateway.saml import routes as saml
from gateway.saml.parts import Parts
from gateway.saml.signatures import self_test
from gateway.saml.work import Workshop
from gateway.sessions import local as local_sessions
from gateway.sessions import routes as sessions
from gateway.sessions.commands import Sessions, end_orphaned
from gateway.settings import Settings
from gateway.shib import routes as shib
from gateway.signon import routes as signon
from gateway.signon import secrets as sign_on_secrets
from gateway.signon.doors_open import Crowd
from gateway.signon.reading import InForce
from gateway.subscriptions import SUBSCRIPTIONS
from gateway.tokens import endpoint
from gateway.tokens import routes as tokens
from gateway.tokens.keys import Sealer, make_due_keys
from gateway.tokens.minting import Mint
from gateway.webhooks import ending
from gateway.webhooks import routes as webhooks
from gateway.webhooks.work import guard_of, guard_within
from gateway.webhooks.work import webhooks as send_webhooks

AUDIT_KEPT = timedelta(days=365)
ADDRESSES_KEPT = timedelta(days=30)
"""An address is somebody's (GDPR, recital 30): kept while an attack is still looked into, no longer."""


SIGN_INS_KEPT = timedelta(days=31)
"""Long enough to try other rules on a month."""


async def turn_keys(resources: Resources, now: datetime) -> None:
    """Make the next signing key when it is time."""
    sealer = Sealer(resources.settings.sealing_key.get_secret_value())
    async with resources.pool.acquire() as connection:
        await make_due_keys(connection, sealer, now=now)
        await lti_keys.turn(connection, sealer, now=now)


async def read_rosters(resources: Resources, now: datetime) -> None:
    """Read again who is in the courses of learning management systems, and forget what is over."""
    sealer = Sealer(resources.settings.sealing_key.get_secret_value())
    guard = guard_within(resources.settings.lti_networks)
    while await rosters.read_due(resources.pool, sealer, guard, now=now) == rosters.AT_ONCE:
        continue
    await rosters.forget(resources.pool, now=now)


async def forget_audit(resources: Resources, now: datetime) -> None:
    """Drop audit entries past keeping, and the addresses of younger ones, a slice at a time."""
    for statement, before in (
        (
            "DELETE FROM audit_entry WHERE id IN (SELECT id FROM audit_entry WHERE at < $1 ORDER BY id LIMIT 5000)",
            now - AUDIT_KEPT,
        ),
        (
            "UPDATE audit_entry SET address = NULL WHERE id IN "
            "(SELECT id FROM audit_entry WHERE at < $1 AND address IS NOT NULL ORDER BY at LIMIT 5000)",
            now - ADDRESSES_KEPT,
        ),
    ):
        while rows_affected(await resources.pool.execute(statement, before)) == 5000:
            continue


async def look_at_sources(resources: Resources, now: datetime) -> None:
    """Bring the metadata of identity providers up to date."""
    doc = await InForce(resources.pool).now()
    async with sources.client() as http:
        await sources.refresh(resources.pool, Workshop(), http, doc, now=now)
    await end_orphaned(resources.pool, doc.open_doors(), now=now)


async def forget_sign_ins(resources: Resources, now: datetime) -> None:
    """Drop requests, messages and sessions that are over, and sign-ins past keeping."""
    await requests.forget(resources.pool, sign_ins_kept=SIGN_INS_KEPT, now=now)


async def forget_assertions(resources: Resources, now: datetime) -> None:
    """Drop what could not be used again anyway."""
    await resources.pool.execute("DELETE FROM client_assertion WHERE expires_at < $1", now)
    await counting.forget(resources.pool, now)
    for statement in granting.FORGET:
        await resources.pool.execute(statement, now)


def create_app(
    settings: Settings, *, apps: Mapping[str, FastAPI] | None = None, resources: Resources | None = None
) -> FastAPI:
    """The gateway's app: in front of `apps` in this process, or of the services at the settings' URLs."""
    app = build(
        SERVICE,
        settings,
        routers=[
            accounts.router,
            own_account.router,
            passkeys.router,
            own_factors.router,
            clients.router,
            own_clients.router,
            endpoint.router,
            consents.router,
            devices.router,
            tokens.router,
            budgets.router,
            audit.router,
            webhooks.router,
            fan_out.router,
            portal.router,
            security.router,
            own_pages.router,
            own_hooks.router,
            signon.router,
            saml_operating.router,
            saml.router,
            oidc.router,
            cas.router,
            shib.router,
            lti.router,
            lti_visits.router,
            lti_registrations.router,
            lti_platforms.router,
            lti_invitations.router,
            lti_courses.router,
            paia.router,
            persons.router,
            sign_on_secrets.router,
            sessions.router,
            local_sessions.router,
        ],
        resources=resources,
        description="Sign-on, tokens, keys and operation.",
        operated=False,
    )
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with inner(app), AsyncExitStack() as stack:
            await _furnish(app, app.state.resources, settings, stack)
            yield

    app.router.lifespan_context = lifespan
    app.state.apps = dict(apps or {})
    app.state.upstreams = {}
    app.state.whole_document = WholeDocument(app, app.state.apps, app.state.upstreams)
    app.add_middleware(Dispatcher, settings=settings, state=lambda: app.state, apps=apps)
    return app


async def _furnish(app: FastAPI, here: Resources, settings: Settings, stack: AsyncExitStack) -> None:
    sealer = Sealer(settings.sealing_key.get_secret_value())
    async with here.pool.acquire() as connection:
        await make_due_keys(connection, sealer, now=here.clock())
    mint = Mint(here.pool, sealer)
    await mint.keys()
    app.state.mint = mint
    admin = settings.admin_key.get_secret_value() if settings.admin_key else None
    app.state.authenticator = authenticator = Authenticator(
        here.pool, mint, admin, public_url=settings.public_url
    )
    app.state.origins = Origins(here.pool)
    counted = Budgets(here.pool, sealer.derived("budgets"))
    await counted.read()
    shares = {
        Kind.STRANGER: settings.stranger_places,
        Kind.MACHINE: settings.machine_places,
        Kind.PATRON: settings.patron_places,
    }
    app.state.entrance = Entrance(counted, Places(shares), Work(sealer.derived("guard")))
    stack.push_async_callback(_ended, asyncio.create_task(counted.run()))
    listening = asyncio.create_task(authenticator.listen())
    stack.push_async_callback(_ended, listening)
    app.state.door = Door(here.pool, sealer)
    app.state.guesses = devices.Guesses()
    self_test()
    http = await stack.enter_async_context(sources.client())
    in_force = InForce(here.pool)
    app.state.saml = Parts(here.pool, sealer, http, in_force)
    app.state.oidc = OidcParts(here.pool, sealer, http)
    app.state.cas = CasParts(here.pool, sealer, http)
    app.state.lti = LtiParts(here.pool, sealer, guard_within(settings.lti_networks))
    app.state.crowd = Crowd()
    app.state.directories = Directories()
    app.state.sessions = Sessions(here.pool, in_force)
    app.state.journal = journal = Journal(here.pool)
    journal.start()
    stack.push_async_callback(journal.stop)
    app.state.webhook_guard, app.state.sealer = guard_of(settings), sealer
    app.state.public_url = settings.public_url
    for name, url in settings.services.items():
        if name not in app.state.apps:
            upstream = Upstream(
                name,
                url,
                mint,
                timeout=settings.upstream_timeout,
                concurrency=settings.upstream_concurrency,
            )
            await upstream.open()
            stack.push_async_callback(upstream.close)
            app.state.upstreams[name] = upstream


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


SERVICE = Service(
    name="gateway",
    settings=Settings,
    create_app=create_app,
    migrations=migrations_beside(__file__),
    document=document_beside(__file__),
    subscriptions=SUBSCRIPTIONS,
    timers=(
        Timer("turn-keys", timedelta(minutes=10), turn_keys),
        Timer("forget-audit", timedelta(hours=6), forget_audit),
        Timer("look-at-sources", timedelta(minutes=1), look_at_sources),
        Timer("forget-assertions", timedelta(hours=1), forget_assertions),
        Timer("look-after-webhooks", timedelta(minutes=10), ending.look_after),
        Timer("forget-webhooks", timedelta(hours=1), ending.forget),
        Timer("forget-sign-ins", timedelta(minutes=5), forget_sign_ins),
        Timer("read-rosters", timedelta(minutes=5), read_rosters),
    ),
    workers=(send_webhooks,),
)
