"""Every table, for whoever needs the metadata whole (migrations)."""

from erm.configuration import tables as configuration
from erm.finance import tables as finance
from erm.invoices import tables as invoices
from erm.metadata import Table
from erm.orders import tables as orders
from erm.organisations import tables as organisations
from erm.receipts import tables as receipts

METADATA = Table.metadata
ALL = (configuration, finance, invoices, orders, organisations, receipts)
