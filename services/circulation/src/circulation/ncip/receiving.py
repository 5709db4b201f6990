"""A message: is it one, may it be asked, what is done, and the answer. Protocol faults are Problems, not statuses."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final

from chassis import markup
from chassis.principal import Principal
from chassis.problems import Forbidden, NotFound, Problem
from chassis.resources import Resources
from circulation.ncip.asking import Asked, Wrong
from circulation.ncip.lending import check_in, check_out, renew
from circulation.ncip.looking import look_up_item, look_up_user
from circulation.ncip.requesting import accept_item, cancel_request, request_item
from circulation.ncip.rules import problem_type
from circulation.places.library import Shelf
from contracts import ncip

Answer = Callable[[Asked], Awaitable[dict[str, Any]]]
ANSWERS: Final[Mapping[str, Answer]] = {
    "LookupUser": look_up_user,
    "LookupItem": look_up_item,
    "RequestItem": request_item,
    "CancelRequestItem": cancel_request,
    "AcceptItem": accept_item,
    "CheckOutItem": check_out,
    "CheckInItem": check_in,
    "RenewItem": renew,
}


async def receive(resources: Resources, body: bytes, asker: Principal, now: datetime) -> bytes:
    """The answer, as XML; `Forbidden` where the machine may not act at this place."""
    try:
        read = await asyncio.to_thread(lambda: ncip.read(markup.read(body)))
    except (markup.NotXml, ncip.NotNcip) as error:
        return _bare(ncip.Problem("Invalid Message Syntax Error", f"This is {error}."))
    act = ANSWERS.get(read.kind)
    if act is None:
        return _bare(ncip.Problem("Unsupported Service", f"{read.kind[:100]} is not offered here."))
    kind, head = f"{read.kind}Response", _header(read.body)
    if read.flaws:
        problems = [ncip.Problem(flaw.type, None, flaw.element, flaw.value) for flaw in read.flaws]
        return _written(kind, head, problems)
    shelf: Shelf = resources.own["shelf"]
    asked = Asked(resources.pool, await shelf.fresh(), asker, now, read.kind, read.body)
    try:
        return ncip.write(kind, head | await act(asked))
    except Wrong as wrong:
        return _written(kind, head, wrong.problems)
    except Forbidden:
        raise
    except Problem as problem:
        return _written(kind, head, _problems(read.kind, problem))


def _problems(service: str, problem: Problem) -> list[ncip.Problem]:
    """Every reason of a refusal, in the words of NCIP, with our own beside them."""
    reasons = [(str(reason.code), reason.text) for reason in problem.reasons]
    code = "item-unknown" if isinstance(problem, NotFound) else problem.code
    return [
        ncip.Problem(problem_type(service, found), f"{found}: {text}")
        for found, text in reasons or [(code, problem.detail or problem.title)]
    ]


def _header(body: Mapping[str, Any]) -> dict[str, Any]:
    """From whom it was to, to whom it was from."""
    head = body.get("InitiationHeader")
    if head is None or "FromAgencyId" not in head or "ToAgencyId" not in head:
        return {}
    return {"ResponseHeader": {"FromAgencyId": head["ToAgencyId"], "ToAgencyId": head["FromAgencyId"]}}


def _written(kind: str, head: Mapping[str, Any], problems: Any) -> bytes:
    return ncip.write(kind, dict(head) | {"Problem": [ncip.problem(each) for each in problems]})


def _bare(problem: ncip.Problem) -> bytes:
    return ncip.write("Problem", {"Problem": [ncip.problem(problem)]})
