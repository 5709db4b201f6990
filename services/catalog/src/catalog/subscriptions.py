"""Every event the catalogue reacts to, on one screen."""

from collections.abc import Mapping

from catalog.acquisitions import handlers as acquisitions
from catalog.binding import handlers as binding
from catalog.items import handlers as items
from catalog.lookups import handlers as lookups
from catalog.search import handlers as search
from catalog.withdrawals import handlers as withdrawals
from chassis.resources import Handler
from contracts.circulation import (
    AvailabilityAnnounced,
    ItemAvailabilityChanged,
    ItemCheckedIn,
    ItemFloated,
    ItemFound,
    ItemWithdrawalCleared,
    ItemWithdrawalRefused,
    LoanCreated,
    LoanDueDateChanged,
    LoanRecalled,
    LoanRenewed,
    LoanReturned,
)
from contracts.erm import BindingUndone, OrderLineReceived, PiecesToBind, ReceiptUndone
from contracts.events import Event
from contracts.ill import ItemSought

SUBSCRIPTIONS: Mapping[type[Event], Handler] = {
    LoanCreated: search.note_availability,
    LoanRenewed: search.note_availability,
    LoanDueDateChanged: search.note_availability,
    LoanRecalled: search.note_availability,
    LoanReturned: search.note_availability,
    ItemCheckedIn: search.note_availability,
    ItemAvailabilityChanged: search.note_availability,
    AvailabilityAnnounced: search.note_availability,
    ItemFound: items.found,
    ItemFloated: items.floated,
    ItemWithdrawalCleared: withdrawals.cleared,
    ItemWithdrawalRefused: withdrawals.refused,
    ItemSought: lookups.seek,
    OrderLineReceived: acquisitions.received,
    ReceiptUndone: acquisitions.undone,
    PiecesToBind: binding.to_bind,
    BindingUndone: binding.undone,
}
