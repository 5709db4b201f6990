"""Every table, for whoever needs the metadata whole (migrations)."""

from catalog.acquisitions import tables as acquisitions
from catalog.binding import tables as binding
from catalog.bulkedits import tables as bulkedits
from catalog.copycat import tables as copycat
from catalog.covers import tables as covers
from catalog.custom import tables as custom
from catalog.exports import tables as exports
from catalog.history import tables as history
from catalog.holdings import tables as holdings
from catalog.idlists import tables as idlists
from catalog.imports import tables as imports
from catalog.items import tables as items
from catalog.labels import tables as labels
from catalog.legacy import tables as legacy
from catalog.linkchecks import tables as linkchecks
from catalog.lists import tables as lists
from catalog.locations import tables as locations
from catalog.lookups import tables as lookups
from catalog.macros import tables as macros
from catalog.metadata import Table
from catalog.numbers import tables as numbers
from catalog.oai import tables as oai
from catalog.profiles import tables as profiles
from catalog.specifications import tables as specifications
from catalog.templates import tables as templates
from catalog.titles import tables as titles
from catalog.undoing import tables as undoing
from catalog.withdrawals import tables as withdrawals
from catalog.works import tables as works

METADATA = Table.metadata
ALL = (
    acquisitions,
    binding,
    bulkedits,
    copycat,
    covers,
    custom,
    exports,
    history,
    holdings,
    idlists,
    imports,
    items,
    labels,
    linkchecks,
    lists,
    legacy,
    locations,
    lookups,
    numbers,
    macros,
    oai,
    profiles,
    specifications,
    templates,
    titles,
    undoing,
    withdrawals,
    works,
)
