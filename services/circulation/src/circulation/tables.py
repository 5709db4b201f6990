"""Every table, for whoever needs the metadata whole (migrations)."""

from circulation.appointments import tables as appointments
from circulation.arrivals import tables as arrivals
from circulation.bursar import tables as bursar
from circulation.closings import tables as closings
from circulation.configuration import tables as configuration
from circulation.drawers import tables as drawers
from circulation.fees import tables as fees
from circulation.guarantors import tables as guarantors
from circulation.hold_groups import tables as hold_groups
from circulation.holds import tables as holds
from circulation.interlibrary import tables as interlibrary
from circulation.items import tables as items
from circulation.legacy import tables as legacy
from circulation.loading import tables as loading
from circulation.loans import tables as loans
from circulation.merges import tables as merges
from circulation.metadata import Table
from circulation.ncip import tables as ncip
from circulation.offline import tables as offline
from circulation.patronedits import tables as patronedits
from circulation.patrons import tables as patrons
from circulation.pins import tables as pins
from circulation.places import tables as places
from circulation.proxies import tables as proxies
from circulation.questions import tables as questions
from circulation.reconciling import tables as reconciling
from circulation.registration import tables as registration
from circulation.sessions import tables as sessions
from circulation.shelves import tables as shelves
from circulation.titles import tables as titles

METADATA = Table.metadata
ALL = (
    appointments,
    arrivals,
    bursar,
    closings,
    configuration,
    drawers,
    fees,
    guarantors,
    hold_groups,
    holds,
    interlibrary,
    items,
    legacy,
    loading,
    loans,
    merges,
    ncip,
    offline,
    patronedits,
    patrons,
    pins,
    places,
    proxies,
    questions,
    reconciling,
    sessions,
    registration,
    shelves,
    titles,
)
