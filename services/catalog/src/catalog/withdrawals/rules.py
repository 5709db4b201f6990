"""How a withdrawal ends, and which states an item may be withdrawn from."""

from enum import StrEnum


class WithdrawalState(StrEnum):
    """`requested` until circulation has spoken; the other two are final."""

    REQUESTED = "requested"
    DONE = "done"
    REFUSED = "refused"


def obstacles(*, base_state: str, under_way: bool) -> list[str]:
    """Why a withdrawal cannot even be asked for, as codes."""
    applies = {"item-withdrawn": base_state == "withdrawn", "withdrawal-under-way": under_way}
    return [code for code, holds in applies.items() if holds]
