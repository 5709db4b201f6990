"""Every event acquisitions react to, on one screen."""

from collections.abc import Mapping

from chassis.resources import Handler
from contracts.catalog import BindingAnswered, ReceivedItemsMade, ReceivedItemsRemoved, TitleMerged
from contracts.circulation import PatronMerged, PatronUpdated
from contracts.events import Event
from contracts.ill import AccessSought
from erm.binding import handlers as binding
from erm.orders import handlers as orders
from erm.receipts import handlers as receipts
from erm.resolver import handlers as resolver
from erm.routing import handlers as routing

SUBSCRIPTIONS: Mapping[type[Event], Handler] = {
    ReceivedItemsMade: receipts.made,
    TitleMerged: orders.follow,
    ReceivedItemsRemoved: receipts.removed,
    AccessSought: resolver.answer,
    BindingAnswered: binding.answered,
    PatronUpdated: routing.left,
    PatronMerged: routing.merged,
}
