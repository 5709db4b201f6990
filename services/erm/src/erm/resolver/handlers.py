"""Interlibrary loan asks whether our readers have something electronically, and by which licence."""

from collections.abc import Sequence

from chassis import outbox
from chassis.database import Connection
from chassis.resources import Heard
from contracts.erm import AccessFound, AccessTarget
from contracts.ill import AccessSought
from contracts.openurl import of_citation
from erm.resolver.commands import Resolved, resolve

MOST = 20


def found(resolved: Resolved, event: AccessSought, heard: Heard) -> AccessFound:
    """The answer, with the number of the question."""
    reasons = (reason for refused in resolved.ways.refused for reason in refused.reasons)
    return AccessFound(
        version=event.version,
        occurred_at=heard.time,
        request_id=event.request_id,
        asked=event.version,
        known=resolved.known,
        targets=tuple(
            AccessTarget(
                url=target.url,
                platform=target.candidate.platform,
                package=target.candidate.package,
                title=target.candidate.title,
                free=target.right is None,
                certain=target.certain,
                licence_id=target.right.licence_id if target.right else None,
            )
            for target in resolved.ways.targets[:MOST]
        ),
        refused=tuple(dict.fromkeys(reasons))[:MOST],
    )


async def answer(connection: Connection, batch: Sequence[Heard]) -> None:
    """Look each up as it stands at the time of the question, and tell."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, AccessSought)
        resolved = await resolve(connection, of_citation(event.citation, part=event.part), heard.time)
        await outbox.record(connection, [found(resolved, event, heard)])
