"""Every event circulation reacts to, on one screen."""

from circulation.items import handlers as items
from contracts.catalog import (
    ItemCreated,
    ItemsAnnounced,
    ItemUpdated,
    ItemWithdrawalRequested,
    ItemWithdrawn,
    LocationChanged,
)

SUBSCRIPTIONS = {
    LocationChanged: items.place,
    ItemCreated: items.remember,
    ItemUpdated: items.remember,
    ItemsAnnounced: items.remember,
    ItemWithdrawalRequested: items.consider_withdrawal,
    ItemWithdrawn: items.release,
}
