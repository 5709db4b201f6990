"""Several services, and what each tells carried to the others: by hand, so that a test says when, and how often."""

from dataclasses import dataclass, field

from contracts.events import Event, event_types
from support.harness import Harness


@dataclass
class Carrier:
    """Hands over what has been told since the last time."""

    services: list[Harness]
    seen: dict[str, int] = field(default_factory=dict)
    twice: bool = False
    """Whether everything comes twice."""

    async def carry(self) -> None:
        """Hand over what each has told, until nobody tells anything new."""
        kinds = {kind.type: kind for kind in event_types()}
        new = True
        while new:
            new = False
            for source in self.services:
                name = source.service.name
                envelopes = await source.envelopes()
                fresh = envelopes[self.seen.get(name, 0) :]
                self.seen[name] = len(envelopes)
                for target in self.services:
                    heard: list[Event] = [
                        kinds[envelope.type].model_validate(envelope.data)
                        for envelope in fresh
                        if target is not source and kinds[envelope.type] in target.service.subscriptions
                    ]
                    if heard:
                        new = True
                        for _ in range(2 if self.twice else 1):
                            await target.deliver(*heard, source=name)
