"""Every event acquisitions react to, on one screen."""

from collections.abc import Mapping

from chassis.resources import Handler
from contracts.catalog import ReceivedItemsMade, ReceivedItemsRemoved
from contracts.events import Event
from erm.receipts import handlers as receipts

SUBSCRIPTIONS: Mapping[type[Event], Handler] = {
    ReceivedItemsMade: receipts.made,
    ReceivedItemsRemoved: receipts.removed,
}
