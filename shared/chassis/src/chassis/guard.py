"""What resolves a name, once, and lets a connection be made to those very addresses and no others.

A name that is checked and then looked up again by the client may by then be another address (DNS rebinding). Here
the client has no look-up of its own: its connector asks this resolver, and connects to what it answers.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from chassis.addresses import Address, Network, Refusal, allowed, literal, parsed, refusals

Resolve = Callable[[str], Awaitable[Sequence[Address]]]
RESOLVED_SECONDS = 3.0
CONNECTED_SECONDS = 3.0
KEPT_SECONDS = 15.0


class AddressRefused(OSError):
    """The name stands, among others, for an address that nothing is sent to."""


async def system_addresses(host: str) -> Sequence[Address]:
    """Every address of a name, of both families, as the system resolves it."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]


class Guard(AbstractResolver):
    """Judges URLs and the addresses behind their names; `plain` where http will do (`addresses.refusals`)."""

    def __init__(
        self, networks: Sequence[Network] = (), resolve: Resolve = system_addresses, *, plain: bool = False
    ) -> None:
        self.networks = tuple(networks)
        self.plain = plain
        self._resolve = resolve

    async def addresses(self, host: str) -> list[Address]:
        """What a name stands for; `AddressRefused` when any of it is out of bounds, `OSError` when it is nothing."""
        found = list(dict.fromkeys(await self._resolve(host)))
        if not found:
            raise OSError(f"{host} has no address")
        if not all(allowed(address, self.networks) for address in found):
            raise AddressRefused(f"{host} stands for an address that is not public")
        return found

    def against(self, url: str) -> list[Refusal]:
        """Every reason against the URL as such."""
        return refusals(url, self.networks, plain=self.plain)

    async def refusals(self, url: str) -> list[Refusal]:
        """Every reason against sending to a URL, its name resolved."""
        reasons = self.against(url)
        told = parsed(url)
        if reasons or told is None or literal(told.raw_host or "") is not None:
            return reasons
        try:
            async with asyncio.timeout(RESOLVED_SECONDS):
                await self.addresses(told.raw_host or "")
        except AddressRefused:
            return [Refusal("address-not-public", "The host stands for an address that is not public.")]
        except (OSError, TimeoutError, UnicodeError):
            return [Refusal("host-unknown", "The host cannot be resolved.", "Enter it into the DNS first.")]
        return []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """For the connector: the addresses that it connects to, none of them looked up again."""
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await self.addresses(host)
        ]

    async def close(self) -> None:
        """Nothing is held."""

    def session(self, *, ca_file: str | None = None, seconds: float) -> aiohttp.ClientSession:
        """A client that connects only where it may, follows nothing, keeps no cookie and asks no proxy."""
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=self,
                use_dns_cache=False,
                limit=0,
                keepalive_timeout=KEPT_SECONDS,
                ssl=ssl.create_default_context(cafile=ca_file),
            ),
            timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECTED_SECONDS),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            skip_auto_headers=("Accept-Encoding", "Accept", "User-Agent"),
        )
