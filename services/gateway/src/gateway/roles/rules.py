"""Roles as data: what each may do. Names only ever grow; a scope is `resource:verb`."""

from collections.abc import Iterable, Mapping
from typing import Final

ROLES: Final[Mapping[str, frozenset[str]]] = {
    "administrator": frozenset({"*"}),
    "operator": frozenset(
        {
            "events:operate",
            "metrics:read",
            "changes:read",
            "configuration:read",
            "search-index:operate",
            "imports:read",
            "exports:read",
            "audit:read",
            "webhooks:manage",
        }
    ),
    "configurator": frozenset({"configuration:read", "configuration:write"}),
    "desk": frozenset(
        {
            "loans:create",
            "loans:read",
            "loans:renew",
            "loans:lost",
            "returns:create",
            "holds:create",
            "holds:read",
            "holds:manage",
            "patrons:read",
            "fees:read",
            "fees:pay",
            "drawers:operate",
            "items:read",
            "titles:read",
            "fast-additions:create",
        }
    ),
    "desk-supervisor": frozenset(
        {
            "loans:create",
            "loans:read",
            "loans:renew",
            "loans:override",
            "loans:backdate",
            "loans:redate",
            "loans:lost",
            "returns:create",
            "holds:create",
            "holds:read",
            "holds:manage",
            "patrons:read",
            "patrons:write",
            "patrons:merge",
            "patrons:pins",
            "patron-edits:create",
            "patron-edits:read",
            "questions:ask",
            "fees:read",
            "fees:pay",
            "drawers:operate",
            "fees:write",
            "fees:waive",
            "fees:refund",
            "fees:transfer",
            "items:read",
            "titles:read",
            "fast-additions:create",
            "configuration:read",
        }
    ),
    "cataloguer": frozenset(
        {
            "titles:read",
            "titles:write",
            "items:read",
            "items:write",
            "items:withdraw",
            "imports:create",
            "imports:read",
            "exports:create",
            "exports:read",
            "lists:read",
            "lists:write",
            "bulk-edits:create",
            "bulk-edits:read",
        }
    ),
    "interlibrary-loan": frozenset(
        {
            "ill:read",
            "ill:write",
            "ill:costs",
            "ill:partners",
            "licences:read",
            "patrons:read",
            "titles:read",
            "items:read",
        }
    ),
    "interlibrary-partner": frozenset({"ill:exchange"}),
    "interlibrary-broker": frozenset({"ncip:exchange"}),
    "acquisitions": frozenset(
        {
            "organisations:read",
            "organisations:write",
            "finance:read",
            "orders:read",
            "orders:write",
            "orders:receive",
            "invoices:read",
            "invoices:write",
            "edifact:read",
            "edifact:write",
            "acquisition-units:read",
            "acquisition-units:assign",
            "vendor-orders:read",
            "vendor-orders:write",
            "titles:read",
            "items:read",
        }
    ),
    "electronic-resources": frozenset(
        {
            "packages:read",
            "packages:write",
            "licences:read",
            "licences:write",
            "agreements:read",
            "agreements:write",
            "organisations:read",
            "titles:read",
            "orders:read",
        }
    ),
    "acquisitions-approver": frozenset(
        {
            "organisations:read",
            "finance:read",
            "orders:read",
            "orders:approve",
            "invoices:read",
            "invoices:approve",
        }
    ),
    "finance": frozenset(
        {
            "organisations:read",
            "bank-accounts:read",
            "bank-accounts:write",
            "finance:read",
            "finance:write",
            "finance:rebuild",
            "orders:read",
            "orders:approve",
            "orders:unlimited",
            "invoices:read",
            "invoices:approve",
            "invoices:unlimited",
            "invoices:pay",
            "vouchers:read",
            "vouchers:export",
            "overrides:encumbrances",
            "overrides:expenditures",
            "acquisition-units:read",
            "acquisition-units:assign",
            "acquisition-units:manage",
        }
    ),
    "all-libraries-patrons": frozenset({"patrons:elsewhere"}),
    "self-check": frozenset({"loans:create", "loans:renew", "returns:create", "titles:read", "pins:verify"}),
    "developer": frozenset(
        {"clients:own", "webhooks:own", "titles:read", "items:read", "changes:read", "configuration:read"}
    ),
    "discovery": frozenset({"titles:read", "items:read", "changes:read", "webhooks:own"}),
    "ordering-site": frozenset({"vendor-orders:create"}),
    "patron-loader": frozenset({"patrons:read", "patrons:write"}),
    "migrator": frozenset(
        {
            "migrations:run",
            "configuration:read",
            "configuration:write",
            "imports:create",
            "imports:read",
            "titles:read",
            "items:read",
            "patrons:read",
            "patrons:write",
        }
    ),
    "auditor": frozenset({"audit:read", "changes:read", "configuration:read", "loans:read", "fees:read"}),
    "patron": frozenset({"account:own"}),
}
"""The roles that Carrel ships."""

SCOPES: Final = frozenset(scope for granted in ROLES.values() for scope in granted if scope != "*") | {
    "acquisition-units:unlimited",
    "overrides:items",
    "overrides:limits",
    "overrides:patrons",
    "overrides:holds",
    "overrides:recalls",
    "overrides:renewals",
    "overrides:dates",
    "overrides:losses",
    "accounts:read",
    "accounts:write",
    "clients:read",
    "clients:write",
    "sign-on:read",
    "sign-on:write",
    "lti:read",
    "lti:write",
    "lti:rosters",
    "tokens:introspect",
    "account:profile",
    "account:read",
    "account:renew",
    "account:hold",
    "account:ill",
}
"""Every scope that a role or client may be given."""


def scopes_of(roles: Iterable[str]) -> frozenset[str]:
    """What these roles grant together; unknown ones grant nothing."""
    return frozenset().union(*(ROLES.get(role, frozenset()) for role in roles))


def unknown_roles(roles: Iterable[str]) -> list[str]:
    """Names that are no role."""
    return sorted(set(roles) - ROLES.keys())


def unknown_scopes(scopes: Iterable[str]) -> list[str]:
    """Names that are no scope."""
    return sorted(set(scopes) - SCOPES)


def beyond(granted: frozenset[str], asked: Iterable[str]) -> list[str]:
    """What is asked for and not granted: nobody hands on more than they have."""
    return [] if "*" in granted else sorted(set(asked) - granted)
