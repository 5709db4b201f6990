"""Where acquisitions' parts meet."""

from datetime import timedelta

from fastapi import FastAPI

from chassis.application import build
from chassis.describing import document_beside
from chassis.migrations import migrations_beside
from chassis.resources import Service, Timer
from erm.agreements import lines as agreement_lines
from erm.agreements import routes as agreements
from erm.binding import routes as binding
from erm.claims import routes as claims
from erm.claims.proposing import propose
from erm.configuration import routes as configuration
from erm.edifact import accounts as edifact_accounts
from erm.edifact import deliveries, interchanges
from erm.edifact import routes as edifact
from erm.edifact.worker import take_up_messages
from erm.feeds import routes as feeds
from erm.feeds.harvesting import harvest_feeds
from erm.finance import budgets, grouping, rebuilding, transactions
from erm.finance import routes as finance
from erm.instances import routes as instances
from erm.instances.naming import name_titles
from erm.invoices import routes as invoices
from erm.kbart import routes as kbart
from erm.kbart.worker import forget_rows, take_up_lists
from erm.licences import routes as licences
from erm.licences import vocabulary
from erm.onixpl import routes as onixpl
from erm.orders import routes as orders
from erm.organisations import banking, interfaces
from erm.organisations import routes as organisations
from erm.packages import routes as packages
from erm.platforms import routes as platforms
from erm.rates import routes as rates
from erm.rates.fetching import read_rates
from erm.receipts import routes as receipts
from erm.resolver import routes as resolver
from erm.rights import routes as rights
from erm.rollovers import routes as rollovers
from erm.routing import routes as routing
from erm.settings import Settings
from erm.sources import routes as sources
from erm.sources.fetching import fetch_lists
from erm.subscriptions import SUBSCRIPTIONS
from erm.transfers import routes as transfers
from erm.trials import routes as trials
from erm.units import assigning
from erm.units import routes as units
from erm.units.telling import shown
from erm.vendororders import accounts as vendor_order_accounts
from erm.vendororders import routes as vendor_orders
from erm.vouchers import delivery_routes as voucher_deliveries
from erm.vouchers import routes as vouchers
from erm.vouchers.delivering import deliver_batches


def create_app(settings: Settings) -> FastAPI:
    """Acquisitions' app."""
    return build(
        SERVICE,
        settings,
        routers=[
            units.router,
            assigning.router,
            organisations.router,
            interfaces.router,
            banking.router,
            finance.router,
            grouping.router,
            budgets.router,
            transactions.router,
            rebuilding.router,
            rates.router,
            rollovers.router,
            orders.router,
            receipts.router,
            routing.router,
            binding.router,
            claims.router,
            invoices.router,
            vouchers.router,
            voucher_deliveries.router,
            vendor_order_accounts.router,
            vendor_orders.router,
            edifact_accounts.router,
            interchanges.router,
            edifact.router,
            deliveries.router,
            platforms.router,
            packages.router,
            instances.router,
            kbart.router,
            sources.router,
            feeds.router,
            licences.router,
            vocabulary.router,
            onixpl.router,
            agreements.router,
            agreement_lines.router,
            rights.router,
            transfers.router,
            trials.router,
            resolver.router,
            configuration.router,
        ],
        description=(
            "Whom the library buys from, what it has to spend, what it ordered, got and paid; and which electronic "
            "titles packages hold, where, and from when to when; what was agreed and licensed, and where links lead."
        ),
    )


SERVICE = Service(
    name="erm",
    settings=Settings,
    create_app=create_app,
    migrations=migrations_beside(__file__),
    document=document_beside(__file__),
    subscriptions=SUBSCRIPTIONS,
    shown=shown,
    timers=[
        Timer("forget-rows-of-title-lists", timedelta(hours=1), forget_rows),
        Timer("name-titles", timedelta(hours=1), name_titles),
        Timer("propose-claims", timedelta(minutes=10), propose),
        Timer("read-exchange-rates", timedelta(minutes=10), read_rates),
    ],
    workers=[take_up_lists, fetch_lists, harvest_feeds, take_up_messages, deliver_batches],
)
