"""Every table, for whoever needs the metadata whole (migrations)."""

from erm.finance import tables as finance
from erm.metadata import Table
from erm.organisations import tables as organisations

METADATA = Table.metadata
ALL = (finance, organisations)
