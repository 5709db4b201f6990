"""Every table, for whoever needs the metadata whole (migrations)."""

from ill.configuration import tables as configuration
from ill.deliveries import tables as deliveries
from ill.hosts import tables as hosts
from ill.iso18626 import tables as iso18626
from ill.licences import tables as licences
from ill.lookups import tables as lookups
from ill.metadata import Table
from ill.partners import tables as partners
from ill.patrons import tables as patrons
from ill.pulling import tables as pulling
from ill.requests import tables as requests

METADATA = Table.metadata
ALL = (configuration, deliveries, hosts, iso18626, licences, lookups, partners, patrons, pulling, requests)
