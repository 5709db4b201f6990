"""Which scope sets which block aside."""

import pytest

from circulation.blocks.rules import OVERRIDABLE, Block
from circulation.holds.rules import HoldRefusal
from circulation.overrides.rules import ALL, CONFIRMED, HOLD_POWERS, POWERS, Power, scopes_missing

LIMIT, FEES, ITEM = Block.LOAN_LIMIT, Block.FEES_OWED, Block.ITEM_NOT_LOANABLE


def test_every_block_that_can_be_set_aside_has_a_scope_of_its_kind() -> None:
    assert POWERS.keys() | CONFIRMED == OVERRIDABLE
    assert set(POWERS.values()) == set(Power)


@pytest.mark.parametrize(
    ("blocks", "granted", "missing"),
    [
        ({LIMIT, FEES, ITEM}, {ALL}, []),
        ({LIMIT, FEES, ITEM}, {"*"}, []),
        ({LIMIT}, {Power.LIMIT}, []),
        ({LIMIT, FEES}, {Power.LIMIT}, [Power.PATRON]),
        ({LIMIT, FEES, ITEM}, set(), [Power.ITEM, Power.LIMIT, Power.PATRON]),
        ({Block.RECALLED}, {Power.HOLD, Power.RENEWAL}, [Power.RECALL]),
        ({Block.SECOND_COPY}, set(), []),
        # What nobody may set aside is asked for with the scope for all, and refused after that.
        ({Block.ITEM_ON_LOAN}, {Power.ITEM}, [ALL]),
    ],
    ids=["all", "anything", "its own", "one of two", "none", "a recall", "only asked", "nobody's"],
)
def test_one_scope_that_is_missing_is_named(
    blocks: set[Block], granted: set[str], missing: list[str]
) -> None:
    assert scopes_missing(blocks, granted) == missing


def test_what_stands_against_a_loan_and_a_hold_alike_has_one_scope() -> None:
    alike = {str(block): power for block, power in POWERS.items()}

    assert {str(each): HOLD_POWERS[each] for each in HOLD_POWERS if str(each) in alike} == {
        code: alike[code] for code in map(str, HOLD_POWERS) if code in alike
    }
    assert scopes_missing({HoldRefusal.HOLD_LIMIT}, {Power.HOLD}, HOLD_POWERS) == [Power.LIMIT]
    assert scopes_missing({HoldRefusal.CARD_EXPIRED}, {Power.PATRON}, HOLD_POWERS) == [ALL]
