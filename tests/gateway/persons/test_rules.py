"""From affiliation to group, from entitlement to role: examples."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from gateway.persons.rules import MFA, Facts, GroupRule, Held, Key, StaffRule, held_after, key_of, standing

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
IDP = "https://idp.test"
GROUPS = [
    GroupRule("fired", None, affiliation="staff@old.test"),
    GroupRule("teachers", "faculty", affiliation="faculty"),
    GroupRule("ours", "student", affiliation="student@a.test"),
    GroupRule(
        "summer", "guest", affiliation="student", starts_on=date(2027, 6, 1), ends_on=date(2027, 8, 31)
    ),
    GroupRule("sure", "member", affiliation="member", assurance="https://refeds.org/assurance/IAP/medium"),
    GroupRule("partner", "partner", entitlement="urn:x:partner", identity_provider=IDP),
]
STAFF = [
    StaffRule("desk", "urn:x:desk", ("desk",), ("main",)),
    StaffRule("north", "urn:x:north", ("cataloguer",), ("north",)),
    StaffRule("all", "urn:x:all", ("auditor",)),
]
FACTS = Facts(IDP)


@pytest.mark.parametrize(
    ("facts", "now", "group", "rule"),
    [
        (FACTS, NOW, None, None),
        (replace(FACTS, affiliations=("student@a.test", "faculty@b.test")), NOW, "faculty", "teachers"),
        (replace(FACTS, affiliations=("STUDENT@A.test",)), NOW, "student", "ours"),
        (replace(FACTS, affiliations=("student@b.test",)), NOW, None, None),
        (
            replace(FACTS, affiliations=("student@b.test",)),
            datetime(2027, 8, 31, 23, tzinfo=UTC),
            "guest",
            "summer",
        ),
        (replace(FACTS, affiliations=("student@b.test",)), datetime(2027, 9, 1, tzinfo=UTC), None, None),
        (replace(FACTS, affiliations=("staff@old.test", "faculty@a.test")), NOW, None, "fired"),
        (replace(FACTS, affiliations=("member@a.test",)), NOW, None, None),
        (
            replace(
                FACTS,
                affiliations=("member@a.test",),
                assurance=("https://refeds.org/assurance/IAP/medium",),
            ),
            NOW,
            "member",
            "sure",
        ),
        (replace(FACTS, entitlements=("urn:x:partner",)), NOW, "partner", "partner"),
        (
            replace(FACTS, identity_provider="https://x.test", entitlements=("urn:x:partner",)),
            NOW,
            None,
            None,
        ),
    ],
    ids=[
        "nothing said",
        "the first rule wins",
        "without case",
        "another scope",
        "last day of the rule",
        "after the rule",
        "turned away",
        "not sure enough",
        "sure enough",
        "by entitlement",
        "entitlement of another",
    ],
)
def test_the_first_rule_that_fits_decides(
    facts: Facts, now: datetime, group: str | None, rule: str | None
) -> None:
    found = standing(facts, GROUPS, STAFF, mfa=timedelta(hours=12), now=now)

    assert (found.group, found.rule, found.admitted) == (group, rule, group is not None)
    assert found.roles == (("patron",) if group else ())
    assert found.why


PROVED = replace(FACTS, context=MFA, authenticated_at=NOW - timedelta(hours=11))


@pytest.mark.parametrize(
    ("facts", "roles", "libraries", "wants"),
    [
        (replace(PROVED, entitlements=("urn:x:desk",)), ("desk",), ("main",), False),
        (
            replace(PROVED, entitlements=("urn:x:desk", "urn:x:north")),
            ("cataloguer", "desk"),
            ("main", "north"),
            False,
        ),
        (replace(PROVED, entitlements=("urn:x:desk", "urn:x:all")), ("auditor", "desk"), None, False),
        (replace(FACTS, entitlements=("urn:x:desk",)), (), None, True),
        (
            replace(PROVED, entitlements=("urn:x:desk",), authenticated_at=NOW - timedelta(hours=13)),
            (),
            None,
            True,
        ),
        (replace(PROVED, entitlements=("urn:x:desk",), authenticated_at=None), (), None, True),
        (replace(PROVED, affiliations=("staff@a.test", "employee@a.test")), (), None, False),
    ],
    ids=[
        "one",
        "two",
        "one of all libraries",
        "one factor",
        "two factors long ago",
        "two factors, never",
        "affiliation alone",
    ],
)
def test_staff_is_who_has_the_entitlement_and_proved_it_twice(
    facts: Facts, roles: tuple[str, ...], libraries: tuple[str, ...] | None, wants: bool
) -> None:
    found = standing(facts, [], STAFF, mfa=timedelta(hours=12), now=NOW)

    assert (found.roles, found.libraries, found.wants_mfa) == (roles, libraries, wants)


DESK_OF_NORTH = Held(("desk",), ("north",))


@pytest.mark.parametrize(
    ("facts", "before", "after"),
    [
        (replace(PROVED, entitlements=("urn:x:desk",)), Held(), Held(("desk",), ("main",))),
        (replace(PROVED, entitlements=("urn:x:all",)), DESK_OF_NORTH, Held(("auditor",))),
        (PROVED, DESK_OF_NORTH, Held()),
        (FACTS, DESK_OF_NORTH, Held()),
        (replace(FACTS, entitlements=("urn:x:desk",)), Held(), Held((), ("main",))),
        (
            replace(FACTS, entitlements=("urn:x:desk",)),
            Held(("desk", "cataloguer")),
            Held(("desk",), ("main",)),
        ),
        (replace(FACTS, entitlements=("urn:x:desk", "urn:x:all")), DESK_OF_NORTH, DESK_OF_NORTH),
        (replace(FACTS, entitlements=("urn:x:desk",)), DESK_OF_NORTH, Held(("desk",), ())),
    ],
    ids=[
        "proved",
        "proved anew",
        "proved, and entitled no more",
        "entitled no more",
        "never proved",
        "proved before, and entitled to less",
        "entitled to more, and not proved",
        "proved for another library",
    ],
)
def test_keys_are_measured_by_what_was_proved_and_is_still_given(
    facts: Facts, before: Held, after: Held
) -> None:
    found = standing(
        replace(facts, affiliations=("student@a.test",)), GROUPS, STAFF, mfa=timedelta(hours=12), now=NOW
    )

    assert held_after(before, found) == after


@pytest.mark.parametrize(
    ("attributes", "key"),
    [
        ({}, None),
        ({"eppn": ["a@b"]}, None),
        ({"subject-id": ["A@B.test"]}, Key("subject-id", "a@b.test")),
        ({"subject-id": ["a@b"], "pairwise-id": ["x@b"]}, Key("pairwise-id", "x@b")),
        ({"pairwise-id": ["x@b", "y@b"], "subject-id": ["a@b"]}, Key("subject-id", "a@b")),
        ({"persistent-id": ["I!S!Xy"]}, Key("persistent-id", "I!S!Xy")),
    ],
    ids=["none", "not wished", "without case", "the first wished", "two are none", "case kept"],
)
def test_somebody_is_known_by_the_first_key_that_is_there_once(
    attributes: dict[str, list[str]], key: Key | None
) -> None:
    assert key_of(attributes, ["pairwise-id", "subject-id", "persistent-id"]) == key
