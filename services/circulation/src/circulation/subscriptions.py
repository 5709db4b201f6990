"""Every event circulation reacts to, on one screen."""

from collections.abc import Mapping

from chassis.resources import Handler
from circulation.items import handlers as items
from circulation.items import visiting
from contracts.catalog import (
    ItemCreated,
    ItemsAnnounced,
    ItemUpdated,
    ItemWithdrawalRequested,
    ItemWithdrawn,
    LocationChanged,
)
from contracts.events import Event
from contracts.ill import BorrowedItemArrived, BorrowedItemLeft

SUBSCRIPTIONS: Mapping[type[Event], Handler] = {
    LocationChanged: items.place,
    ItemCreated: items.remember,
    ItemUpdated: items.remember,
    ItemsAnnounced: items.remember,
    ItemWithdrawalRequested: items.consider_withdrawal,
    ItemWithdrawn: items.release,
    BorrowedItemArrived: visiting.arrive,
    BorrowedItemLeft: visiting.leave,
}
