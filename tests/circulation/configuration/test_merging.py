"""A draft brought onto what came into force after it was begun."""

from typing import Any

import pytest

from circulation.configuration.merging import brought_onto
from circulation.places.documents import ConfigurationDoc

BASE: dict[str, Any] = {
    "patron_groups": [{"code": "a", "name": "A"}, {"code": "b", "name": "B"}],
    "loan_policies": [{"code": "m", "name": "M"}],
    "rules": [{"loan": "m", "fine": "f", "hold": "h"}],
}


def doc(**changed: Any) -> ConfigurationDoc:
    return ConfigurationDoc.model_validate(BASE | changed)


def groups(**names: str) -> dict[str, Any]:
    return {"patron_groups": [{"code": code, "name": name} for code, name in names.items()]}


OTHER_RULES = {"rules": [{"loan": "m", "fine": "f", "hold": "x"}]}


@pytest.mark.parametrize(
    ("draft", "current", "result", "conflicts"),
    [
        # Nobody, one of them, both of them alike.
        ({}, {}, {}, []),
        (groups(a="A", b="New"), {}, groups(a="A", b="New"), []),
        ({}, groups(a="A", b="New"), groups(a="A", b="New"), []),
        (groups(a="A", b="New"), groups(a="A", b="New"), groups(a="A", b="New"), []),
        # Each another entry; each something new; each takes another away.
        (groups(a="1", b="B"), groups(a="A", b="2"), groups(a="1", b="2"), []),
        (groups(a="A", b="B", c="C"), groups(a="A", b="B", d="D"), groups(a="A", b="B", c="C", d="D"), []),
        (groups(a="A"), groups(a="A", b="B", d="D"), groups(a="A", d="D"), []),
        (groups(a="A"), groups(b="B"), groups(), []),
        # Both the same one, otherwise; one changes what the other takes away.
        (groups(a="1", b="B"), groups(a="2", b="B"), None, ["/patron_groups/a"]),
        (groups(b="B"), groups(a="2", b="B"), None, ["/patron_groups/a"]),
        (groups(a="1", b="B"), groups(b="B"), None, ["/patron_groups/a"]),
        (groups(a="A", b="B", c="1"), groups(a="A", b="B", c="2"), None, ["/patron_groups/c"]),
        # Rules are one thing, since their order counts.
        (OTHER_RULES, {}, OTHER_RULES, []),
        (OTHER_RULES, {"rules": []}, None, ["/rules"]),
        ({}, {"currency": "CHF"}, {"currency": "CHF"}, []),
        ({"currency": "USD"}, {"currency": "CHF"}, None, ["/currency"]),
    ],
)
def test_what_both_changed_differently_is_a_conflict_and_nothing_else_is(
    draft: dict[str, Any], current: dict[str, Any], result: dict[str, Any] | None, conflicts: list[str]
) -> None:
    told, found = brought_onto(doc(), doc(**draft), doc(**current))

    assert found == conflicts
    if result is not None:
        assert told == doc(**result)
