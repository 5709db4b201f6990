"""Every event interlibrary loan reacts to, on one screen."""

from collections.abc import Mapping

from chassis.resources import Handler, Sifted
from contracts.catalog import TitlesFound
from contracts.circulation import (
    BorrowedItemTaken,
    HoldCancelled,
    HoldExpired,
    HoldRequeued,
    ItemClaimedReturned,
    ItemClaimResolved,
    ItemDeclaredLost,
    LoanAgedToLost,
    LoanCreated,
    LoanRecalled,
    LoanRenewed,
    LoanReturned,
    PartnerActRefused,
    PartnerItemKept,
    PartnerLoanMade,
    PatronBlockAdded,
    PatronBlockRemoved,
    PatronCreated,
    PatronLookedAt,
    PatronMerged,
    PatronsAnnounced,
    PatronSuspended,
    PatronUpdated,
)
from contracts.erm import AccessFound, LicenceChanged
from contracts.events import Event
from ill.licences import handlers as licences
from ill.patrons import handlers as patrons
from ill.requests import handlers as requests

LOANS = Sifted(requests.follow, requests.of_ours)
HOLDS = Sifted(requests.note_hold, requests.of_our_holds)

SUBSCRIPTIONS: Mapping[type[Event], Handler] = {
    PatronCreated: patrons.know,
    PatronUpdated: patrons.know,
    PatronsAnnounced: patrons.know_all,
    PatronMerged: patrons.merge,
    PatronBlockAdded: patrons.note_block,
    PatronSuspended: patrons.note_block,
    PatronBlockRemoved: patrons.note_block,
    LoanCreated: LOANS,
    LoanRenewed: LOANS,
    LoanRecalled: LOANS,
    LoanReturned: LOANS,
    ItemClaimedReturned: LOANS,
    ItemClaimResolved: LOANS,
    ItemDeclaredLost: LOANS,
    LoanAgedToLost: LOANS,
    HoldCancelled: HOLDS,
    HoldExpired: HOLDS,
    HoldRequeued: HOLDS,
    BorrowedItemTaken: requests.note_taken,
    TitlesFound: requests.note_titles,
    AccessFound: requests.note_access,
    LicenceChanged: licences.know,
    PatronLookedAt: requests.note_patron,
    PartnerItemKept: requests.note_kept,
    PartnerLoanMade: requests.note_lent,
    PartnerActRefused: requests.note_refused,
}
