"""Every table, for whoever needs the metadata whole (migrations)."""

from erm.agreements import tables as agreements
from erm.binding import tables as binding
from erm.claims import tables as claims
from erm.configuration import tables as configuration
from erm.edifact import tables as edifact
from erm.feeds import tables as feeds
from erm.finance import tables as finance
from erm.instances import tables as instances
from erm.invoices import tables as invoices
from erm.kbart import tables as kbart
from erm.licences import tables as licences
from erm.metadata import Table
from erm.orders import tables as orders
from erm.organisations import tables as organisations
from erm.packages import tables as packages
from erm.platforms import tables as platforms
from erm.rates import tables as rates
from erm.receipts import tables as receipts
from erm.rights import tables as rights
from erm.rollovers import tables as rollovers
from erm.routing import tables as routing
from erm.sources import tables as sources
from erm.transfers import tables as transfers
from erm.trials import tables as trials
from erm.units import tables as units
from erm.vendororders import tables as vendororders
from erm.vouchers import tables as vouchers

METADATA = Table.metadata
ALL = (
    agreements,
    binding,
    claims,
    configuration,
    edifact,
    feeds,
    finance,
    instances,
    invoices,
    kbart,
    licences,
    orders,
    organisations,
    packages,
    platforms,
    rates,
    receipts,
    rights,
    sources,
    transfers,
    rollovers,
    routing,
    trials,
    units,
    vendororders,
    vouchers,
)
