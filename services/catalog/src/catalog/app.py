"""Where the catalogue's parts meet."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

from fastapi import FastAPI

from catalog.bulkedits import routes as bulkedits
from catalog.bulkedits.worker import edit_in_bulk, sweep_edits
from catalog.callnumbers import routes as callnumbers
from catalog.callnumbers.shelving import shelve
from catalog.citations import routes as citations
from catalog.copycat import routes as copycat
from catalog.copycat.queries import forget_found
from catalog.covers import routes as covers
from catalog.exports import routes as exports
from catalog.exports import scheduled
from catalog.exports.scheduling import start_exports
from catalog.exports.worker import make_exports, sweep_exports
from catalog.fastadd import routes as fastadd
from catalog.feeds import routes as feeds
from catalog.fixedfields import routes as fixedfields
from catalog.headings import routes as headings
from catalog.history import routes as steps
from catalog.holdings import order_routes as order
from catalog.holdings import routes as holdings
from catalog.holdings.reading_policies import read_policies
from catalog.idlists import routes as idlists
from catalog.idlists.worker import sweep_id_lists, write_id_lists
from catalog.imports import routes as imports
from catalog.imports.worker import import_files, sweep_uploads
from catalog.items import routes as items
from catalog.items.ending import end as end_what_is_for_a_time
from catalog.labels import routes as labels
from catalog.legacy import routes as legacy
from catalog.linkchecks import routes as linkchecks
from catalog.linkchecks import scheduled as linkchecks_scheduled
from catalog.linkchecks.scheduling import start_link_checks
from catalog.linkchecks.worker import check_links, sweep_links
from catalog.lists import routes as lists
from catalog.lists.worker import fill_lists, sweep_lists
from catalog.locations import routes as locations
from catalog.lookups.worker import answer_lookups
from catalog.macros import routes as macros
from catalog.matching.keying import key_titles
from catalog.merges import routes as merges
from catalog.numbers import routes as numbers
from catalog.numbers.commands import number
from catalog.oai import routes as oai
from catalog.oai.following import follow_for_harvesters
from catalog.pages import browsing
from catalog.pages import routes as pages
from catalog.profiles import routes as profiles
from catalog.relations import routes as relations
from catalog.search import operating
from catalog.search import routes as search
from catalog.search.engine import Reader
from catalog.search.indexer import keep_index
from catalog.search.opened import IndexAbsent
from catalog.search.ready import Ready
from catalog.search.resultsets import keep_promises
from catalog.settings import Settings
from catalog.specifications import routes as specifications
from catalog.sru import routes as sru
from catalog.subscriptions import SUBSCRIPTIONS
from catalog.templates import routes as templates
from catalog.titles import gone, history
from catalog.titles import routes as titles
from catalog.undoing import routes as undoing
from catalog.undoing.worker import undo_imports
from catalog.withdrawals import routes as withdrawals
from catalog.works import routes as works
from catalog.works.following import group_titles
from catalog.z3950 import listening as z3950
from chassis.application import build
from chassis.describing import document_beside
from chassis.migrations import migrations_beside
from chassis.resources import Resources, Service, Timer

CHANGES_KEPT = timedelta(days=7)
"""An index that has not followed for longer is to be built anew."""


@asynccontextmanager
async def opening(resources: Resources) -> AsyncIterator[None]:
    """What a process of the catalogue holds besides the usual."""
    reader = resources.own["reader"] = Reader(resources.settings.data_dir / "index")
    resources.own["ready"] = Ready()
    keeping = asyncio.create_task(keep_promises(reader.sets))
    try:
        yield
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping


async def drop_old_changes(resources: Resources, now: datetime) -> None:
    """A timer: changes that every index has followed long ago."""
    await resources.pool.execute("DELETE FROM title_change WHERE changed_at < $1", now - CHANGES_KEPT)


def create_app(settings: Settings) -> FastAPI:
    """The catalogue's app."""
    app = build(
        SERVICE,
        settings,
        routers=[
            legacy.router,
            locations.router,
            search.router,
            operating.router,
            idlists.router,
            lists.router,
            bulkedits.router,
            exports.router,
            scheduled.router,
            titles.router,
            history.router,
            relations.router,
            linkchecks.router,
            linkchecks_scheduled.router,
            items.router,
            holdings.router,
            order.router,
            steps.router,
            numbers.router,
            labels.router,
            covers.router,
            merges.router,
            specifications.router,
            fastadd.router,
            templates.router,
            macros.router,
            fixedfields.router,
            gone.router,
            callnumbers.router,
            headings.router,
            imports.router,
            profiles.router,
            undoing.router,
            copycat.router,
            withdrawals.router,
            works.router,
            oai.router,
            sru.router,
            citations.router,
            pages.router,
            browsing.router,
            feeds.router,
        ],
        description="Titles, holdings, items, imports, search, harvest, SRU.",
    )
    app.add_exception_handler(IndexAbsent, search.on_index_absent)
    return app


SERVICE = Service(
    name="catalog",
    settings=Settings,
    create_app=create_app,
    migrations=migrations_beside(__file__),
    document=document_beside(__file__),
    subscriptions=SUBSCRIPTIONS,
    timers=(
        Timer("sweep-uploads", timedelta(hours=1), sweep_uploads),
        Timer("sweep-id-lists", timedelta(hours=1), sweep_id_lists),
        Timer("sweep-bulk-edits", timedelta(hours=6), sweep_edits),
        Timer("sweep-lists", timedelta(hours=6), sweep_lists),
        Timer("start-exports", timedelta(minutes=1), start_exports),
        Timer("sweep-exports", timedelta(hours=1), sweep_exports),
        Timer("start-link-checks", timedelta(minutes=1), start_link_checks),
        Timer("sweep-links", timedelta(hours=6), sweep_links),
        Timer("shelve", timedelta(seconds=30), shelve),
        Timer("end-what-is-for-a-time", timedelta(seconds=15), end_what_is_for_a_time),
        Timer("read-policies", timedelta(seconds=30), read_policies),
        Timer("forget-found", timedelta(hours=1), forget_found),
        Timer("number", timedelta(seconds=30), number),
        Timer("key-titles", timedelta(seconds=30), key_titles),
        Timer("drop-old-changes", timedelta(hours=6), drop_old_changes),
    ),
    workers=(
        import_files,
        undo_imports,
        keep_index,
        follow_for_harvesters,
        answer_lookups,
        write_id_lists,
        make_exports,
        fill_lists,
        edit_in_bulk,
        group_titles,
        check_links,
    ),
    listeners={"z3950": z3950.listen},
    opening=opening,
)
