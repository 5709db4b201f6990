"""Where circulation's parts meet."""

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
from circulation.appointments import routes as appointments
from circulation.appointments.timers import miss_appointments
from circulation.arrivals import routes as arrivals
from circulation.autorenewal import routes as autorenewal
from circulation.autorenewal.timers import renew_automatically
from circulation.bursar import routes as bursar
from circulation.bursar.worker import work_off
from circulation.closings import routes as closings
from circulation.closings.working import work_closings
from circulation.configuration import routes as configuration
from circulation.configuration import simulations
from circulation.configuration.drafts import activate_drafts
from circulation.configuration.simulating import simulate
from circulation.drawers import routes as drawers
from circulation.fees import routes as fees
from circulation.fees import settling
from circulation.fees import several as several_fees
from circulation.guarantors import routes as guarantors
from circulation.hold_groups import routes as hold_groups
from circulation.hold_groups.ordering import work_orders
from circulation.holds import desk as holds_desk
from circulation.holds import offers as holds_offers
from circulation.holds import routes as holds
from circulation.holds.timers import expire_holds, resume_holds, retarget_holds
from circulation.inlibrary import routes as inlibrary
from circulation.interlibrary.telling import tell_patrons
from circulation.items import routes as items
from circulation.items.timers import read_volumes
from circulation.legacy import routes as legacy
from circulation.loading import routes as loading
from circulation.loading.worker import forget_loads, take_up_loads
from circulation.loans import batches, redating, together
from circulation.loans import routes as loans
from circulation.loans.rush import Rush
from circulation.lost import routes as lost
from circulation.lost.timers import lost_items
from circulation.merges import routes as merges
from circulation.merges.queries import SUCCESSOR
from circulation.ncip import routes as ncip
from circulation.offline import routes as offline
from circulation.offline.applying import apply_offline_actions
from circulation.patronedits import routes as patronedits
from circulation.patronedits.worker import edit_patrons, sweep_patron_edits
from circulation.patrons import blocks
from circulation.patrons import routes as patrons
from circulation.pins import routes as pins
from circulation.places import routes as places
from circulation.places.library import Shelf
from circulation.policies import routes as policies
from circulation.proxies import routes as proxies
from circulation.questions import routes as questions
from circulation.reconciling import routes as reconciling
from circulation.reconciling.timers import reconcile
from circulation.registration import consents
from circulation.registration.apart import Apart
from circulation.registration.naming import name_patrons
from circulation.reshelving import routes as reshelving
from circulation.sessions import routes as sessions
from circulation.sessions.commands import end_idle_sessions
from circulation.settings import Settings
from circulation.shelves import printing
from circulation.shelves import routes as shelves
from circulation.subscriptions import SUBSCRIPTIONS
from circulation.transits import routes as transits


@asynccontextmanager
async def opening(resources: Resources) -> AsyncIterator[None]:
    """What a process of circulation holds besides the usual."""
    resources.own["shelf"] = Shelf(resources.pool)
    resources.own["rush"] = Rush(resources.pool)
    yield


def create_app(settings: Settings) -> FastAPI:
    """Circulation's app."""
    app = build(
        SERVICE,
        settings,
        routers=[
            loans.router,
            holds.placing,
            appointments.router,
            appointments.of_points,
            holds_offers.router,
            holds_desk.router,
            redating.router,
            inlibrary.router,
            batches.router,
            offline.router,
            together.router,
            proxies.router,
            hold_groups.router,
            holds.router,
            fees.router,
            settling.router,
            several_fees.router,
            lost.router,
            drawers.router,
            bursar.router,
            merges.router,
            patrons.router,
            consents.router,
            pins.router,
            guarantors.router,
            blocks.router,
            autorenewal.router,
            legacy.router,
            loading.router,
            places.router,
            shelves.router,
            reshelving.router,
            printing.router,
            transits.router,
            sessions.router,
            arrivals.router,
            configuration.router,
            simulations.router,
            closings.router,
            policies.router,
            questions.router,
            patronedits.router,
            items.router,
            reconciling.router,
            ncip.router,
        ],
        description="Patrons, loans, holds, fees, availability.",
    )
    follows = Middleware(Successors, state=app.state, successor=SUCCESSOR)
    app.user_middleware.append(follows)  # innermost: behind who asks
    app.user_middleware.append(Middleware(Apart, state=app.state))
    return app


SERVICE = Service(
    name="circulation",
    settings=Settings,
    create_app=create_app,
    migrations=migrations_beside(__file__),
    document=document_beside(__file__),
    subscriptions=SUBSCRIPTIONS,
    timers=(
        Timer("name-patrons", timedelta(minutes=1), name_patrons),
        Timer("forget-loads", timedelta(hours=1), forget_loads),
        Timer("forget-patron-edits", timedelta(hours=6), sweep_patron_edits),
        Timer("reconcile", timedelta(minutes=1), reconcile),
        Timer("expire-holds", timedelta(minutes=1), expire_holds),
        Timer("bursar-exports", timedelta(seconds=10), work_off),
        Timer("automatic-renewals", timedelta(minutes=5), renew_automatically),
        Timer("lost-items", timedelta(minutes=10), lost_items),
        Timer("tell-patrons", timedelta(seconds=10), tell_patrons),
        Timer("resume-holds", timedelta(minutes=1), resume_holds),
        Timer("retarget-holds", timedelta(seconds=5), retarget_holds),
        Timer("miss-appointments", timedelta(minutes=1), miss_appointments),
        Timer("hold-groups", timedelta(seconds=5), work_orders),
        Timer("read-volumes", timedelta(minutes=10), read_volumes),
        Timer("activate-drafts", timedelta(seconds=1), activate_drafts),
        Timer("end-idle-sessions", timedelta(minutes=1), end_idle_sessions),
        Timer("apply-offline-actions", timedelta(seconds=2), apply_offline_actions),
    ),
    workers=(simulate, work_closings, take_up_loads, edit_patrons),
    opening=opening,
)
