"""Every event circulation reacts to, on one screen."""

from collections.abc import Mapping

from chassis.resources import Handler
from circulation.items import handlers as items
from contracts.catalog import (
    ItemCreated,
    ItemsAnnounced,
    ItemUpdated,
    ItemWithdrawalRequested,
    ItemWithdrawn,
    LocationChanged,
)
from contracts.events import Event

SUBSCRIPTIONS: Mapping[type[Event], Handler] = {
    LocationChanged: items.place,
    ItemCreated: items.remember,
    ItemUpdated: items.remember,
    ItemsAnnounced: items.remember,
    ItemWithdrawalRequested: items.consider_withdrawal,
    ItemWithdrawn: items.release,
}
