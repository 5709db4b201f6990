"""The state model as data: whole, and held against the code at start."""

from importlib.resources import files

import pytest

from ill.ageing.rules import SPANS
from ill.requests import commands, model
from ill.requests.commands import EVENTS, check_models
from ill.requests.effects import EFFECTS

SMALL = """
side = "lending"
start = "new"
[states]
new = { says = "x", timeout = { after = "stale", on = "gone-stale" } }
done = { says = "x", end = true }
[actions]
will-supply = { by = ["staff"], says = "x" }
[[moves]]
on = "will-supply"
from = ["new"]
to = "done"
do = ["say-will-supply"]
[[moves]]
on = "gone-stale"
from = ["new"]
to = "done"
"""


def flaws(text: str) -> list[str]:
    return model.flaws(
        model.read(text),
        events=frozenset({"gone-stale"}),
        effects=frozenset({"say-will-supply"}),
        spans=SPANS,
    )


@pytest.mark.parametrize(
    ("side", "version"), [(side, one) for side in EVENTS for one in model.versions(side)]
)
def test_the_models_that_are_shipped_have_no_flaw(side: str, version: int) -> None:
    told = model.flaws(
        model.model_of(side, version),
        events=EVENTS[side],
        effects=frozenset(EFFECTS[side]),
        spans=SPANS,
        newest=version == model.newest(side),
    )

    assert told == []


def test_an_older_version_need_not_know_what_came_after_it_but_contradicts_nothing() -> None:
    def told(text: str) -> list[str]:
        return model.flaws(
            model.read(text),
            events=frozenset({"gone-stale", "thunder"}),
            effects=frozenset({"say-will-supply", "dance"}),
            spans=SPANS,
            newest=False,
        )

    assert told(SMALL) == []
    assert told(SMALL.replace('"say-will-supply"', '"sing"')) == ["the code has no effect sing"]
    assert told(SMALL + '[actions.sleep]\nby = ["staff"]\nsays = "x"\n')


@pytest.mark.parametrize(
    ("before", "after", "flaw"),
    [
        ('to = "done"\ndo', 'to = "gone"\ndo', "will-supply leads to gone, which is no state"),
        ('from = ["new"]\nto = "done"\ndo', 'from = ["old"]\nto = "done"\ndo', "will-supply leads from old"),
        ('"say-will-supply"', '"dance"', "the code has no effect dance"),
        ('do = ["say-will-supply"]', "", "no move has the effect say-will-supply"),
        ('on = "gone-stale"\nfrom', 'on = "rain"\nfrom', "nobody brings about rain"),
        ('on = "gone-stale"\nfrom', 'on = "rain"\nfrom', "no state heeds gone-stale"),
        ('on = "gone-stale" } }', 'on = "rain" } }', "new does not heed its own timeout rain"),
        ('after = "stale"', 'after = "a-while"', "new waits for a-while, which is no span"),
        (", end = true", "", "nothing leads from new to an end"),
        ("done = {", 'lost = { says = "x", end = true }\ndone = {', "nothing leads to lost"),
        ('by = ["staff"],', 'by = ["staff"], needs = ["luck"],', "will-supply is told luck"),
        (
            'from = ["new"]\nto = "done"\ndo',
            'from = ["done"]\nto = "new"\ndo',
            "leads on from done, which is an end",
        ),
        ('start = "new"', 'start = "nowhere"', "it starts in nowhere, which is no state"),
    ],
)
def test_a_model_that_contradicts_itself_or_the_code_is_told_apart(
    before: str, after: str, flaw: str
) -> None:
    assert before in SMALL
    assert flaws(SMALL) == []

    assert [told for told in flaws(SMALL.replace(before, after, 1)) if flaw in told]


def test_a_state_heeds_an_event_in_one_way() -> None:
    with pytest.raises(ValueError, match="new heeds gone-stale twice"):
        model.read(SMALL + '[[moves]]\non = "gone-stale"\nfrom = "any"\nto = "done"\n')


def test_a_service_with_a_wrong_model_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (files("ill.requests") / "lending-1.toml").read_text()
    wrong = model.read(text.replace('do = ["say-will-supply"]', 'do = ["dance"]'))
    right = model.model_of

    def told(side: str, version: int) -> model.Model:
        return wrong if (side, version) == ("lending", 1) else right(side, version)

    monkeypatch.setattr(model, "model_of", told)

    with pytest.raises(commands.WrongModel, match=r"lending-1\.toml is wrong: the code has no effect dance"):
        check_models()


def test_every_state_speaks_plainly_and_every_move_out_of_an_end_stays_there() -> None:
    for side in EVENTS:
        for state in model.model_of(side, model.newest(side)).states.values():
            assert state.says.endswith(".")
            assert state.name.replace("-", "").isalpha()
