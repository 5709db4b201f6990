"""Every event the gateway reacts to, on one screen."""

from collections.abc import Mapping

from chassis.resources import Handler
from contracts.circulation import PatronMerged
from contracts.events import Event
from gateway.accounts.handlers import follow

SUBSCRIPTIONS: Mapping[type[Event], Handler] = {PatronMerged: follow}
