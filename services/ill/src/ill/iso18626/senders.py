"""Who sends a message: the partner that proves it, under whichever of its symbols. Proof is per partner."""

from collections.abc import Mapping
from typing import Any

import asyncpg

from chassis.principal import Principal
from chassis.problems import Forbidden, Unauthenticated
from ill.iso18626.documents import Read
from ill.partners.rules import proves, symbol_key, symbols_of

SCOPE = "ill:exchange"
SENDER = {
    "request": ("requestingAgencyId", "supplyingAgencyId"),
    "requestingAgencyMessage": ("requestingAgencyId", "supplyingAgencyId"),
    "supplyingAgencyMessage": ("supplyingAgencyId", "requestingAgencyId"),
}
"""By message: who sends it, and to whom."""
_PARTNER = """
SELECT p.*, s.security_code_hash, (SELECT coalesce(jsonb_agg(jsonb_build_array(o.scheme, o.symbol)), '[]')
    FROM partner_symbol o WHERE o.partner_id = p.id) AS others
FROM partner p LEFT JOIN partner_secret s ON s.partner_id = p.id
"""
_BY_CLIENT = _PARTNER + "WHERE p.client_id = $1 AND p.active"
_BY_SYMBOL = f"""{_PARTNER}
WHERE p.active AND p.id IN (SELECT id FROM partner WHERE upper(scheme) = $1 AND upper(symbol) = $2
    UNION ALL SELECT partner_id FROM partner_symbol WHERE upper(scheme) = $1 AND upper(symbol) = $2)
LIMIT 1
"""  # noqa: S608 - our own words


async def sender(pool: asyncpg.Pool, read: Read, asker: Principal) -> dict[str, Any]:
    """The partner that proves to be the sender: by its key at the gateway, or by the code in the message."""
    head = read.document.get("header", {})
    agency = head.get(SENDER[read.kind][0], {})
    named = symbol_key(agency.get("agencyIdType", ""), agency.get("agencyIdValue", ""))
    if asker.kind == "client":
        if not asker.may(SCOPE):
            raise Forbidden(f"This needs the scope {SCOPE}.")
        row = await pool.fetchrow(_BY_CLIENT, asker.ref)
        if row is None:
            raise Forbidden("No partner in the directory sends as this client.")
        partner = dict(row)
        if named not in (("", ""), *symbols_of(partner)) and partner["broker"] != "transparent":
            raise Forbidden("The message names another sender than its key belongs to.")
        return partner | {"named": _as_which(partner, agency)}
    row = await pool.fetchrow(_BY_SYMBOL, *named)
    code = head.get("requestingAgencyAuthentication", {}).get("securityCode")
    if row is None or not proves(code, row["security_code_hash"]):
        raise Unauthenticated("Send with a key, or with the security code in requestingAgencyAuthentication.")
    return dict(row) | {"named": _as_which(dict(row), agency)}


def _as_which(partner: Mapping[str, Any], agency: Mapping[str, Any]) -> str | None:
    """As which it speaks, as `scheme:symbol`: another symbol of its own (as the directory has it), or the library for
    which a transparent broker speaks; None: its first one."""
    scheme, symbol = agency.get("agencyIdType", "").strip(), agency.get("agencyIdValue", "").strip()
    first, *others = symbols_of(partner)
    key = symbol_key(scheme, symbol)
    if not symbol or key == first:
        return None
    return ":".join(partner["others"][others.index(key)] if key in others else (scheme, symbol))
