"""One record over another: what is taken, what stays, and that nothing else is touched."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.marc.record import Field, Record
from catalog.overlays.rules import Overlay, Spec, good_enough, overlaid, quality, with_set, without

LEADER = "00000nam a2200000 i 4500"
NUMBER, OTHER = Field.control("001", "ours"), Field.control("001", "theirs")


def note(text: str, tag: str = "500") -> Field:
    return Field.data(tag, "  ", ("a", text))


KEPT = Record(LEADER, [NUMBER, note("old"), note("local", "590"), Field.data("650", " 0", ("a", "Old"))])
TOLD = Record(LEADER, [OTHER, note("new"), note("theirs", "590"), Field.data("650", " 7", ("a", "New"))])


def told(record: Record) -> list[str]:
    return [f"{field.tag} {field.value}" for field in record]


@pytest.mark.parametrize(
    ("overlay", "result"),
    [
        (Overlay(), ["001 ours", "035 theirs", "500 new", "590 theirs", "650 New"]),
        (Overlay(keep_number=False), ["001 theirs", "500 new", "590 theirs", "650 New"]),
        (Overlay(preserve=(Spec("59X"),)), ["001 ours", "035 theirs", "500 new", "590 local", "650 New"]),
        (Overlay(protected=(Spec("590"),)), ["001 ours", "035 theirs", "500 new", "590 local", "650 New"]),
        (
            Overlay(preserve=(Spec("650", ind2="0"),)),
            ["001 ours", "035 theirs", "500 new", "590 theirs", "650 New", "650 Old"],
        ),
        (
            Overlay(preserve=(Spec("590", code="a", value="other"), Spec("700"))),
            ["001 ours", "035 theirs", "500 new", "590 theirs", "650 New"],
        ),
        (
            Overlay("merge", add=(Spec("6XX"),)),
            ["001 ours", "035 theirs", "500 old", "590 local", "650 Old", "650 New"],
        ),
        (
            Overlay("merge", replace=(Spec("5XX"),)),
            ["001 ours", "035 theirs", "500 new", "590 theirs", "650 Old"],
        ),
        (
            Overlay("merge", replace=(Spec("5XX"),), protected=(Spec("590"),)),
            ["001 ours", "035 theirs", "500 new", "590 local", "650 Old"],
        ),
        (Overlay("merge", replace=(Spec("700"),)), ["001 ours", "035 theirs", "500 old", "590 local", "650 Old"]),
    ],
    ids=[
        "replace", "take-number", "preserve", "protected", "preserve-by-indicator", "preserve-nothing", "add",
        "replace-some", "replace-but-protected", "replace-with-nothing",
    ],
)  # fmt: skip
def test_what_counts(overlay: Overlay, result: list[str]) -> None:
    assert sorted(told(overlaid(KEPT, TOLD, overlay))) == sorted(result)


def test_halves_in_another_script_go_with_their_fields_under_free_numbers() -> None:
    kept = Record(
        LEADER,
        [
            Field.data("590", "  ", ("6", "880-01"), ("a", "ours")),
            Field.data("880", "  ", ("6", "590-01/$1"), ("a", "私達")),
        ],
    )
    new = Record(
        LEADER,
        [
            Field.data("245", "10", ("6", "880-01"), ("a", "Title")),
            Field.data("590", "  ", ("6", "880-02"), ("a", "theirs")),
            Field.data("880", "10", ("6", "245-01/$1"), ("a", "題")),
            Field.data("880", "  ", ("6", "590-02/$1"), ("a", "彼等")),
        ],
    )

    result = overlaid(kept, new, Overlay(preserve=(Spec("590"),)))

    assert [(field.tag, field.get("6"), field.get("a")) for field in result] == [
        ("245", "880-01", "Title"),
        ("590", "880-02", "ours"),
        ("880", "245-01/$1", "題"),
        ("880", "590-02/$1", "私達"),
    ]


def test_fields_are_stripped_and_set_before_anything_else() -> None:
    record = without(TOLD, (Spec("59X"), Spec("650", ind2="0")))

    given_ = with_set(
        record, [(note("set", "949"), False), (note("other"), True), (note("set", "506"), True)]
    )

    assert told(given_) == ["001 theirs", "500 new", "506 set", "650 New", "949 set"]
    assert told(with_set(given_, [(note("set", "949"), False)])) == told(given_)


RICH = Record(
    LEADER,
    [
        Field.control("008", "260101s1854    mau           000 0 eng d"),
        *(note(str(n), "650") for n in range(9)),
    ],
)
POOR = Record("00000nam a22000003i 4500", [note("a")])


@pytest.mark.parametrize(
    ("kept", "new", "ratio", "good"),
    [
        (RICH, POOR, None, True),
        (RICH, POOR, 0.5, False),
        (POOR, RICH, 1.0, True),
        (RICH, RICH, 1.0, True),
        (RICH, RICH, 1.1, False),
    ],
)
def test_a_poorer_record_is_refused_by_ratio(
    kept: Record, new: Record, ratio: float | None, good: bool
) -> None:
    assert good_enough(kept, new, ratio)[0] is good


def test_quality_is_never_less_than_one() -> None:
    assert (quality(Record("", [])), quality(POOR)) == (1, 1)
    assert quality(RICH) > 30


FIELDS = st.builds(
    note, st.sampled_from("abc"), st.sampled_from(["035", "500", "590", "650", "700", "880", "949"])
)
RECORDS = st.builds(lambda fields: Record(LEADER, [NUMBER, *fields]), st.lists(FIELDS, max_size=8))
SPECS = st.lists(st.builds(Spec, st.sampled_from(["XXX", "5XX", "590", "650", "7XX"])), max_size=3).map(tuple)


@settings(max_examples=60, deadline=None)
@given(RECORDS, RECORDS, SPECS, SPECS)
def test_what_is_preserved_is_never_lost_and_laying_over_twice_changes_nothing(
    kept: Record, new: Record, preserve: tuple[Spec, ...], protected: tuple[Spec, ...]
) -> None:
    overlay = Overlay(preserve=preserve, protected=protected)

    once = overlaid(kept, new, overlay)

    for field in kept:
        if field.tag != "880" and any(spec.means(field) for spec in (*preserve, *protected)):
            assert field in list(once)
    assert sorted(told(overlaid(once, new, overlay))) == sorted(told(once))
    merged = overlaid(kept, new, replace(overlay, mode="merge", preserve=(), add=(Spec("XXX"),)))
    assert {*kept} <= {*merged}
