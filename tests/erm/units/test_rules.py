"""Who may do what with records of acquisition units."""

from uuid import UUID

import pytest

from erm.units.rules import Act, Standing, Unit, entered_against, moved_against

LAW, ARTS, SHELF, NEW = (UUID(int=n) for n in range(1, 5))
UNITS = {
    LAW: Unit(LAW, "Law", frozenset(Act)),
    ARTS: Unit(ARTS, "Arts", frozenset({Act.UPDATE, Act.DELETE})),
    SHELF: Unit(SHELF, "Everybody's shelf"),
}
NOBODY = Standing(UNITS)
JURIST = Standing(UNITS, frozenset({LAW}))
PAINTER = Standing(UNITS, frozenset({ARTS}))
ALL = Standing(UNITS, unlimited=True)


@pytest.mark.parametrize(
    ("who", "act", "assigned", "against"),
    [
        (NOBODY, Act.READ, [], []),
        (NOBODY, Act.DELETE, [], []),
        (NOBODY, Act.READ, [LAW], [LAW]),
        (JURIST, Act.READ, [LAW], []),
        (JURIST, Act.DELETE, [LAW], []),
        (PAINTER, Act.READ, [LAW], [LAW]),
        (NOBODY, Act.READ, [ARTS], []),
        (NOBODY, Act.UPDATE, [ARTS], [ARTS]),
        (NOBODY, Act.READ, [LAW, ARTS], [LAW]),
        (NOBODY, Act.UPDATE, [LAW, ARTS, SHELF], [LAW, ARTS]),
        (PAINTER, Act.READ, [LAW, ARTS], []),
        (NOBODY, Act.UPDATE, [SHELF], []),
        (NOBODY, Act.READ, [NEW], [NEW]),
        (JURIST, Act.READ, [NEW, LAW], []),
        (ALL, Act.DELETE, [LAW, NEW], []),
    ],
)
def test_what_a_unit_keeps_to_itself_is_for_members_of_any_unit_of_the_record(
    who: Standing, act: Act, assigned: list[UUID], against: list[UUID]
) -> None:
    assert who.against(act, assigned) == against
    assert who.lets(act, assigned) is (against == [])


def test_a_new_record_is_entered_into_units_that_let_one() -> None:
    assert entered_against(NOBODY, [LAW, ARTS]) == [LAW]
    assert entered_against(JURIST, [LAW, ARTS]) == []
    assert entered_against(PAINTER, [LAW, ARTS]) == [LAW]


def test_who_may_see_everything_is_who_is_left_out_of_nothing() -> None:
    assert NOBODY.left_out(Act.READ) == [LAW]
    assert JURIST.left_out(Act.READ) == []
    assert JURIST.left_out(Act.UPDATE) == [ARTS]
    assert ALL.left_out(Act.UPDATE) == []


@pytest.mark.parametrize(
    ("before", "after", "manager", "against"),
    [
        ([], [LAW], False, []),
        ([LAW], [], False, []),
        ([], [ARTS], False, [ARTS]),
        ([ARTS], [], False, [ARTS]),
        ([ARTS], [ARTS, LAW], False, []),
        ([ARTS], [LAW], False, [ARTS]),
        ([ARTS], [LAW], True, []),
    ],
)
def test_records_come_and_go_by_members_of_the_units_that_come_and_go(
    before: list[UUID], after: list[UUID], manager: bool, against: list[UUID]
) -> None:
    assert moved_against(JURIST, before=before, after=after, manager=manager) == against
