"""How a vendor's fields become those of an order."""

import pytest

from erm.vendororders.documents import MappingIn, usual
from erm.vendororders.rules import FIELDS, Came, Rule, Step, mapped, step_of

POSTED = {"fund_code": ["HIST"], "contributor": ["", "Ada", "Bo"], "isbn": ["1", "2"], "empty": [""]}
TABLES = {"funds": {"HIST": "F-HISTORY"}, "any": {"*": "F-REST"}}


@pytest.mark.parametrize(
    ("rule", "step"),
    [
        (Rule(["fund_code"]), Step("fund", Came.POSTED, "fund_code", "HIST", value="HIST")),
        (Rule(["nowhere", "fund_code"]), Step("fund", Came.POSTED, "fund_code", "HIST", value="HIST")),
        (Rule(["empty", "isbn"]), Step("fund", Came.POSTED, "isbn", "1", value="1")),
        (Rule(["contributor"]), Step("fund", Came.POSTED, "contributor", "Ada", value="Ada")),
        (
            Rule(["contributor"], join="; "),
            Step("fund", Came.POSTED, "contributor", "Ada; Bo", value="Ada; Bo"),
        ),
        (
            Rule(["fund_code"], table="funds"),
            Step("fund", Came.POSTED, "fund_code", "HIST", "funds", "F-HISTORY"),
        ),
        (
            Rule(["isbn"], table="funds"),
            Step("fund", Came.POSTED, "isbn", "1", "funds", None, "value-not-in-table"),
        ),
        (Rule(["isbn"], table="any"), Step("fund", Came.POSTED, "isbn", "1", "any", "F-REST")),
        (Rule(["empty"], "F", table="funds"), Step("fund", Came.DEFAULT, value="F")),
        (Rule(["empty"]), Step("fund", Came.NOWHERE)),
        (Rule(["empty"], required=True), Step("fund", Came.NOWHERE, flaw="value-missing")),
        (Rule(["empty"], "F", required=True), Step("fund", Came.DEFAULT, value="F")),
    ],
)
def test_a_field_is_taken_translated_or_missed(rule: Rule, step: Step) -> None:
    assert step_of("fund", rule, POSTED, TABLES) == step


def test_fields_are_told_in_the_order_of_an_order() -> None:
    rules = {"note": Rule([], "n"), "title": Rule([], "t")}

    assert [step.field for step in mapped(rules, {}, {})] == ["title", "note"]


@pytest.mark.parametrize("form", ["json", "xml"])
def test_the_usual_mapping_is_whole_and_names_fields_that_there_are(form: str) -> None:
    mapping = usual("json" if form == "json" else "xml")

    assert set(mapping.rules) <= set(FIELDS)
    assert MappingIn.model_validate(mapping.model_dump(mode="json")) == mapping


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fields": {"title": {"paths": ["title"]}}}, "an order needs order_key"),
        ({"tables": {}}, "there is no table"),
        ({"fields": {"title": {"paths": []}}}, "a path or has a default"),
        ({"fields": {"price": {"paths": ["x"]}}}, "literal_error"),
    ],
)
def test_a_mapping_that_can_make_no_order_is_refused(change: dict[str, object], words: str) -> None:
    whole = usual("json").model_dump(mode="json")

    with pytest.raises(ValueError, match=words):
        MappingIn.model_validate(whole | change)
