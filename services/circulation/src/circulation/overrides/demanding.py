"""That whoever sets something aside may."""

from collections.abc import Collection, Mapping
from enum import StrEnum

from chassis.principal import Principal
from chassis.problems import Forbidden, Reason
from circulation.overrides.rules import POWERS, Power, scopes_missing

_ASK_FOR_IT = "Ask for a role that has it, or somebody who may."


def demand_scopes(
    blocks: Collection[StrEnum],
    principal: Principal,
    powers: Mapping[StrEnum, Power] = POWERS,
    *,
    pointer: str = "/override/blocks",
) -> None:
    """Raise `Forbidden` naming every scope that is missing: one refuses the whole override."""
    if missing := scopes_missing(blocks, principal.scopes, powers):
        reasons = [
            Reason("scope-missing", f"The scope {scope} is not granted.", pointer, _ASK_FOR_IT)
            for scope in missing
        ]
        raise Forbidden(f"This override needs the scope {' and '.join(missing)}.", reasons=reasons)
