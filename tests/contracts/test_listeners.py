"""An event says who relies on it: who does not stand there is sent nothing."""

import catalog.app
import circulation.app
import erm.app
import gateway.app
import ill.app
from contracts.events import event_types

SERVICES = [app.SERVICE for app in (catalog.app, circulation.app, erm.app, gateway.app, ill.app)]


OURS = {service.name for service in SERVICES}


def test_whoever_subscribes_to_an_event_is_named_by_it_and_the_other_way_round() -> None:
    subscribed = {(kind.type, service.name) for service in SERVICES for kind in service.subscriptions}
    named = {
        (kind.type, name)
        for kind in event_types()
        for name in kind.listeners
        if kind.type.split(".")[0] in OURS
    }

    assert subscribed == named
