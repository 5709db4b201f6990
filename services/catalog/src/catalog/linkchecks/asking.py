"""An address is asked what is there: its head, or its beginning where a server minds being asked for that."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp
from yarl import URL

from catalog.linkchecks.rules import MOST_HOPS, REDIRECTS, Hop, Seen
from chassis.guard import AddressRefused, Guard

SURE: Final = frozenset({401, 407, 429, 503})
"""What a server says to a question for the head that it would say to any other."""
Answer = tuple[int, str | None, timedelta | None]


class Unanswered(Exception):
    """There is no answer: a word for why."""


async def look(session: aiohttp.ClientSession, guard: Guard, url: str, *, agent: str) -> Seen:
    """What is at an address. Each address on the way is judged by the guard, and connected to as it was judged."""
    hops: list[Hop] = []
    at, been = url, {url}
    while True:
        if reasons := guard.against(at):
            return Seen(at, problem=reasons[0].code, hops=hops)
        try:
            status, location, patience = await _asked(session, at, agent)
        except Unanswered as error:
            return Seen(at, problem=str(error), hops=hops)
        if status not in REDIRECTS or not location:
            return Seen(at, status, hops=hops, patience=patience)
        onward = _onward(at, location)
        if onward is None:
            return Seen(at, status, "redirect-unreadable", hops)
        hops.append(Hop(status, onward))
        if onward in been:
            return Seen(at, status, "redirect-loop", hops)
        if len(hops) > MOST_HOPS:
            return Seen(at, status, "too-many-redirects", hops)
        been.add(onward)
        at = onward


def _onward(at: str, location: str) -> str | None:
    """Where a redirection leads (RFC 9110 §10.2.2); None for what is no address."""
    try:
        return str(URL(at).join(URL(location.strip())))
    except ValueError:
        return None


async def _asked(session: aiohttp.ClientSession, url: str, agent: str) -> Answer:
    try:
        told = await _one(session, "HEAD", url, agent)
    except Unanswered as error:
        if str(error) not in ("timeout", "answer-broken"):
            raise
    else:
        if told[0] < 400 or told[0] in SURE:
            return told
    return await _one(session, "GET", url, agent)


async def _one(session: aiohttp.ClientSession, method: str, url: str, agent: str) -> Answer:
    """One question; the answer's body is not read."""
    headers = {"User-Agent": agent, "Accept": "*/*"}
    try:
        async with session.request(method, url, headers=headers, allow_redirects=False) as response:
            told = response.status, response.headers.get("Location"), _patience(response)
            response.close()
            return told
    except TimeoutError:
        raise Unanswered("timeout") from None
    except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError):
        raise Unanswered("tls-failed") from None
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, AddressRefused):
            raise Unanswered("address-not-public") from None
        unknown = isinstance(error, aiohttp.ClientConnectorDNSError)
        raise Unanswered("host-unknown" if unknown else "connect-failed") from None
    except (aiohttp.InvalidURL, UnicodeError):
        raise Unanswered("url-unreadable") from None
    except (aiohttp.ClientError, OSError, ValueError):
        raise Unanswered("answer-broken") from None


def _patience(response: aiohttp.ClientResponse) -> timedelta | None:
    """Seconds, or a moment (RFC 9110 §10.2.3)."""
    told = (response.headers.get("Retry-After") or "").strip()
    if told.isascii() and told.isdigit():
        return timedelta(seconds=min(int(told[:9]), 10**8))
    try:
        moment = parsedate_to_datetime(told)
    except (ValueError, OverflowError, TypeError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime.now(UTC)
