"""Every event acquisitions react to, on one screen."""

from collections.abc import Mapping

from chassis.resources import Handler
from contracts.events import Event

SUBSCRIPTIONS: Mapping[type[Event], Handler] = {}
