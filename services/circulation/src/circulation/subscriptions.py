"""Every event circulation reacts to, on one screen."""

from collections.abc import Mapping

from chassis.resources import Handler
from circulation.hold_groups import handlers as hold_groups
from circulation.interlibrary import handlers as interlibrary
from circulation.interlibrary import looking, telling
from circulation.items import handlers as items
from circulation.items import visiting
from circulation.titles import handlers as titles
from contracts.catalog import (
    ItemCreated,
    ItemsAnnounced,
    ItemUpdated,
    ItemWithdrawalRequested,
    ItemWithdrawn,
    LocationChanged,
    TitleMerged,
)
from contracts.events import Event
from contracts.ill import (
    BorrowedItemArrived,
    BorrowedItemLeft,
    HoldWantedHere,
    ItemNotWanted,
    ItemWanted,
    LoanDateMoved,
    PartnerLoanOver,
    PartnerLoanWanted,
    PatronChargeWanted,
    PatronSought,
    PatronsWanted,
)

SUBSCRIPTIONS: Mapping[type[Event], Handler] = {
    LocationChanged: items.place,
    ItemCreated: hold_groups.hear,
    ItemUpdated: hold_groups.hear,
    ItemsAnnounced: hold_groups.hear,
    ItemWithdrawalRequested: items.consider_withdrawal,
    ItemWithdrawn: items.release,
    TitleMerged: titles.merged,
    BorrowedItemArrived: visiting.arrive,
    BorrowedItemLeft: visiting.leave,
    ItemWanted: interlibrary.keep,
    ItemNotWanted: interlibrary.let_go,
    HoldWantedHere: interlibrary.hold_here,
    PartnerLoanWanted: interlibrary.lend,
    PartnerLoanOver: interlibrary.take_back,
    LoanDateMoved: interlibrary.move_date,
    PatronChargeWanted: interlibrary.charge,
    PatronsWanted: telling.note_wish,
    PatronSought: looking.look,
}
