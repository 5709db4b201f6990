"""Who asks, and what they may: every loader and route takes a `Principal`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request

from chassis.problems import Forbidden, Reason, Unauthenticated
from contracts.events import Actor

SCOPE_KEY = "carrel.principal"
"""Where the principal travels in the ASGI scope. No header can reach it; only our own code sets it."""


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated somebody: kind (patron, staff, client, system, anonymous) and opaque reference."""

    kind: str
    ref: str
    scopes: frozenset[str] = frozenset()
    patron_id: UUID | None = None
    """The patron this principal is; a machine has one only by delegation."""
    libraries: frozenset[str] | None = None
    """Library codes a member of staff works for; None: all."""
    service_point_id: UUID | None = None
    """The desk this client or member of staff works at, when the request names none."""
    on_behalf_of: str | None = None

    @property
    def actor(self) -> Actor:
        """As told in events."""
        return Actor(self.kind, self.ref)

    def may(self, scope: str) -> bool:
        """Whether this scope is granted; `*` grants all."""
        return scope in self.scopes or "*" in self.scopes

    def as_claims(self) -> dict[str, Any]:
        """As carried in a token of the hop inside."""
        told = {
            "sub": f"{self.kind}:{self.ref}",
            "scope": " ".join(sorted(self.scopes)),
            "patron_id": str(self.patron_id) if self.patron_id else None,
            "libraries": sorted(self.libraries) if self.libraries is not None else None,
            "service_point_id": str(self.service_point_id) if self.service_point_id else None,
            "act": {"sub": self.on_behalf_of} if self.on_behalf_of else None,
        }
        return {name: value for name, value in told.items() if value is not None}

    @classmethod
    def from_claims(cls, claims: dict[str, Any]) -> "Principal":
        """Read back from verified claims."""
        kind, _, ref = str(claims["sub"]).partition(":")
        libraries = claims.get("libraries")
        patron, desk = claims.get("patron_id"), claims.get("service_point_id")
        return cls(
            kind=kind,
            ref=ref,
            scopes=frozenset(str(claims.get("scope", "")).split()),
            patron_id=UUID(patron) if patron else None,
            libraries=frozenset(libraries) if libraries is not None else None,
            service_point_id=UUID(desk) if desk else None,
            on_behalf_of=(claims.get("act") or {}).get("sub"),
        )


ANONYMOUS = Principal("anonymous", "-")
SYSTEM = Principal("system", "carrel", frozenset({"*"}))


def principal_of(request: Request) -> Principal:
    """Whoever asks, anonymous included."""
    found: Principal = request.scope.get(SCOPE_KEY, ANONYMOUS)
    return found


async def _whoever(request: Request) -> Principal:
    """`principal_of` as a dependency: async, since the framework sends a plain function to a thread."""
    return principal_of(request)


Anyone = Annotated[Principal, Depends(_whoever)]


def demand(principal: Principal, *scopes: str) -> None:
    """Raise unless the principal holds one of these scopes."""
    if any(principal.may(scope) for scope in scopes):
        return
    if principal.kind == "anonymous":
        raise Unauthenticated
    wanted = " or ".join(scopes)
    raise Forbidden(
        f"This needs the scope {wanted}.",
        reasons=[
            Reason("scope-missing", f"The scope {wanted} is not granted.", mend="Ask for a role that has it.")
        ],
    )


def may(*scopes: str) -> Callable[[Request], Awaitable[Principal]]:
    """A dependency that admits principals holding one of these scopes: `Depends(may("loans:create"))`."""

    async def admitted(request: Request) -> Principal:
        principal = principal_of(request)
        demand(principal, *scopes)
        return principal

    admitted.scopes = scopes  # type: ignore[attr-defined]  # read when the OpenAPI document is made
    return admitted
