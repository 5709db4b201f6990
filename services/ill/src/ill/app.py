"""Where interlibrary loan's parts meet."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from fastapi import FastAPI
from starlette.middleware import Middleware

from chassis.application import build
from chassis.describing import document_beside
from chassis.migrations import migrations_beside
from chassis.resources import Resources, Service, Timer
from chassis.successors import Successors
from ill.configuration import routes as configuration
from ill.copyright import routes as copyright_
from ill.deliveries import routes as deliveries
from ill.deliveries.commands import forget_documents
from ill.hosts import act_routes as host_acts
from ill.hosts import routes as hosts
from ill.hosts.worker import forget_acts, tell_hosts
from ill.iso18626 import routes as iso18626
from ill.iso18626.sending import forget_messages, send_messages
from ill.licences import routes as licences
from ill.lookups.worker import forget_lookups, look_up
from ill.partners import networks
from ill.partners import routes as partners
from ill.partners.sealing import seal_old_credentials
from ill.patrons.handlers import ask_for_patrons
from ill.patrons.queries import SUCCESSOR
from ill.pulling import batches
from ill.pulling import routes as pulling
from ill.pulling.commands import follow_schedules
from ill.pulling.mailing import send_mails
from ill.requests import acting, changing, rota
from ill.requests import routes as requests
from ill.requests.commands import check_models
from ill.requests.watching import watch
from ill.settings import Settings
from ill.subscriptions import SUBSCRIPTIONS


@asynccontextmanager
async def opening(resources: Resources) -> AsyncIterator[None]:
    """Nothing runs by a state model that contradicts the code."""
    check_models()
    yield


def create_app(settings: Settings) -> FastAPI:
    """Interlibrary loan's app."""
    app = build(
        SERVICE,
        settings,
        routers=[
            iso18626.router,
            partners.router,
            networks.router,
            hosts.router,
            host_acts.router,
            requests.router,
            changing.router,
            acting.router,
            rota.router,
            pulling.router,
            batches.router,
            deliveries.router,
            copyright_.router,
            copyright_.declarations,
            licences.router,
            configuration.router,
        ],
        description="Requests for what the library does not have, and for what others want of it.",
    )
    follows = Middleware(Successors, state=app.state, successor=SUCCESSOR)
    app.user_middleware.append(follows)  # innermost: behind who asks
    return app


SERVICE = Service(
    name="ill",
    settings=Settings,
    create_app=create_app,
    migrations=migrations_beside(__file__),
    document=document_beside(__file__),
    subscriptions=SUBSCRIPTIONS,
    timers=(
        Timer("watch-requests", timedelta(seconds=15), watch),
        Timer("forget-messages", timedelta(hours=1), forget_messages),
        Timer("forget-lookups", timedelta(hours=1), forget_lookups),
        Timer("forget-acts", timedelta(hours=1), forget_acts),
        Timer("ask-for-patrons", timedelta(minutes=1), ask_for_patrons),
        Timer("seal-old-credentials", timedelta(hours=1), seal_old_credentials),
        Timer("make-pull-slips", timedelta(seconds=30), follow_schedules),
        Timer("forget-documents", timedelta(minutes=10), forget_documents),
    ),
    workers=(send_messages, look_up, tell_hosts, send_mails),
    opening=opening,
)
