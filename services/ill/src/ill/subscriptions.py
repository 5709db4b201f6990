"""Every event interlibrary loan reacts to, on one screen."""

from collections.abc import Mapping

from chassis.resources import Handler
from contracts.circulation import (
    BorrowedItemTaken,
    LoanCreated,
    LoanReturned,
    PatronBlockAdded,
    PatronBlockRemoved,
    PatronCreated,
    PatronSuspended,
    PatronUpdated,
)
from contracts.events import Event
from ill.patrons import handlers as patrons
from ill.requests import handlers as requests

SUBSCRIPTIONS: Mapping[type[Event], Handler] = {
    PatronCreated: patrons.know,
    PatronUpdated: patrons.know,
    PatronBlockAdded: patrons.note_block,
    PatronSuspended: patrons.note_block,
    PatronBlockRemoved: patrons.note_block,
    LoanCreated: requests.follow,
    LoanReturned: requests.follow,
    BorrowedItemTaken: requests.note_taken,
}
