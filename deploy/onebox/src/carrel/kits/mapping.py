"""Codes of the old system against ours: a draft, and everything that is not mapped, told at once before anything is
written."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from typing import Any, Final

from carrel.kits.settings import SECTIONS, MappingDoc, Section

Codes = Mapping[Section, Counter[str]]
"""What an export speaks of, and how often."""
Targets = Mapping[Section, Collection[str]]
"""What there is here."""
WORDS: Final[Mapping[Section, str]] = {
    "places": "location",
    "material_types": "material type",
    "loan_types": "loan type",
    "patron_groups": "patron group",
    "service_points": "service point",
    "fee_types": "fee type",
}
CHARGED_BY_RULES: Final = ("overdue", "lost-item", "lost-processing", "reminder", "rental", "deposit")


def targets_of(catalog: Mapping[str, Any], circulation: Mapping[str, Any]) -> dict[Section, list[str]]:
    """What the two configurations have."""

    def codes(of: Mapping[str, Any], name: str) -> list[str]:
        return [str(each["code"]) for each in of.get(name, ())]

    return {
        "places": [f"{each['library']}/{each['code']}" for each in catalog.get("locations", ())],
        "material_types": codes(catalog, "material_types"),
        "loan_types": codes(catalog, "loan_types"),
        "patron_groups": codes(circulation, "patron_groups"),
        "service_points": codes(circulation, "service_points"),
        "fee_types": [*codes(circulation, "fee_types"), *CHARGED_BY_RULES],
    }


def drafted(settings: MappingDoc, codes: Codes, targets: Targets) -> MappingDoc:
    """The mapping with every code that the export speaks of; guessed where there is the same here, else left open."""
    told: dict[str, dict[str, str | None]] = {}
    for section in SECTIONS:
        here = {code.casefold(): code for code in targets[section]}
        known = settings.codes(section)
        new = {code: here.get(code.casefold()) for code in sorted(codes[section]) if code not in known}
        told[section] = {**known, **new}
    return settings.model_copy(update=told)


def unmapped(settings: MappingDoc, codes: Codes, targets: Targets) -> list[str]:
    """Every code that means nothing here, in words."""
    wrong = []
    for section in SECTIONS:
        here = set(targets[section])
        for code, count in sorted(codes[section].items()):
            meant = settings.codes(section).get(code)
            where = f"{section} {code!r} ({count} times)"
            if meant is None:
                wrong.append(f"{where} is not mapped.")
            elif meant not in here:
                wrong.append(f"{where} is mapped to {meant!r}: there is no such {WORDS[section]} here.")
    return wrong


def ambiguous(codes: Codes) -> list[str]:
    """Codes of items that only their case tells apart, which an import does not."""
    wrong = []
    for section in ("places", "material_types", "loan_types"):
        same: defaultdict[str, list[str]] = defaultdict(list)
        for code in codes[section]:
            same[code.casefold()].append(code)
        wrong += [
            f"{section} {' and '.join(each)} differ by their case alone."
            for each in same.values()
            if len(each) > 1
        ]
    return wrong
