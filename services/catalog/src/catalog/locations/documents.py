"""The catalogue's configuration as one document: everything by code, nothing by id."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated, Any, Protocol

from pydantic import BaseModel, ConfigDict, Field

from catalog.copycat.documents import TargetDoc
from catalog.custom.documents import CustomFieldDoc
from catalog.labels.documents import LabelTemplateDoc
from catalog.numbers.documents import NumberSeriesDoc
from catalog.oai.documents import HarvestFormatDoc
from catalog.oai.rules import SET_SPEC
from catalog.profiles.documents import ProfileCode, ProfileDoc
from catalog.search.grammar import QueryProblem, parse
from chassis.problems import Reason

Code = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^\S(.*\S)?$")]
Name = Annotated[str, Field(min_length=1, max_length=200)]

SEPARATOR = "/"
"""Between a library's code and a location's, where one text names both."""


class Keyed(Protocol):
    """Something that a section has once."""

    code: str

    @property
    def key(self) -> str:
        """What identifies it in its section."""

    def row(self) -> dict[str, Any]:
        """As a statement takes it."""


class Entry(BaseModel):
    """Something with a code and a name."""

    model_config = ConfigDict(extra="forbid")

    code: Code
    name: Name

    @property
    def key(self) -> str:
        """What identifies it in its section."""
        return self.code

    def row(self) -> dict[str, Any]:
        """As a statement takes it."""
        return self.model_dump()


class InstitutionDoc(Entry):
    """The institution."""


class CampusDoc(Entry):
    """A campus of an institution."""

    institution: Code


class LibraryDoc(Entry):
    """A library on a campus."""

    campus: Code


class LocationDoc(Entry):
    """A location of a library; its code is unique in the library."""

    library: Code
    active: bool = True

    @property
    def key(self) -> str:
        """`LIBRARY/CODE`."""
        return f"{self.library}{SEPARATOR}{self.code}"


class HarvestSetDoc(Entry):
    """A set that harvesters may ask for by its code (OAI-PMH's setSpec; `a:b` is a set of `a`).

    Every condition that is told must hold, by any of its values; without any, the set holds all titles.
    """

    code: Annotated[str, Field(min_length=1, max_length=200, pattern=SET_SPEC)]
    description: str = Field(default="", max_length=2000)
    material_types: list[Code] = Field(default_factory=list, max_length=100)
    """Of an item of the title."""
    libraries: list[Code] = Field(default_factory=list, max_length=100)
    locations: list[Annotated[str, Field(max_length=121)]] = Field(default_factory=list, max_length=1000)
    """`LIBRARY/CODE`."""
    languages: list[Annotated[str, Field(pattern="^[a-z]{3}$")]] = Field(default_factory=list, max_length=100)
    """Codes of MARC's list."""
    formats: list[Code] = Field(default_factory=list, max_length=50)
    query: str = Field(default="", max_length=2000)
    """See docs/search-query.md."""

    def flaws(self, place: str, known: Mapping[str, Collection[str]]) -> Iterator[Reason]:
        """What it names that is not there, and a query that cannot be read."""
        for section in ("material_types", "libraries", "locations"):
            for number, told in enumerate(getattr(self, section)):
                if told not in known[section]:
                    yield Reason(
                        "code-unknown", f"There is no {told!r} in {section}.", f"{place}/{section}/{number}"
                    )
        try:
            parse(self.query)
        except QueryProblem as problem:
            words = f"{problem.message} (character {problem.position})"
            yield Reason(problem.code, words, f"{place}/query", "See docs/search-query.md.")


class TypeDoc(Entry):
    """A material or loan type."""


class StatisticalCodeDoc(Entry):
    """What titles, holdings and items may count as in reports."""

    code: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^\S+$")]
    kind: str = Field(default="", max_length=200)
    """Codes of one kind are counted together."""


UNSPECIFIED = TypeDoc(code="unspecified", name="Unspecified")
STANDARD = TypeDoc(code="standard", name="Standard")


class ImportProfileDoc(ProfileDoc):
    """An import profile with its code (docs/cataloguing.md)."""

    code: ProfileCode

    @property
    def key(self) -> str:
        """What identifies it in its section."""
        return self.code

    def row(self) -> dict[str, Any]:
        """As a statement takes it."""
        document = self.model_dump_json(by_alias=True, exclude={"code"})
        return {"code": self.code, "document": document}


class ConfigurationDoc(BaseModel):
    """Locations, types, import profiles. A section left out is empty; the last nine stay as they are."""

    model_config = ConfigDict(extra="forbid")

    institutions: list[InstitutionDoc] = Field(default_factory=list, max_length=100)
    campuses: list[CampusDoc] = Field(default_factory=list, max_length=1_000)
    libraries: list[LibraryDoc] = Field(default_factory=list, max_length=5_000)
    locations: list[LocationDoc] = Field(default_factory=list, max_length=50_000)
    material_types: list[TypeDoc] = Field(default_factory=lambda: [UNSPECIFIED], max_length=1_000)
    loan_types: list[TypeDoc] = Field(default_factory=lambda: [STANDARD], max_length=1_000)
    harvest_sets: list[HarvestSetDoc] = Field(default_factory=list, max_length=200)
    import_profiles: list[ImportProfileDoc] | None = Field(default=None, max_length=500)
    """Those that are not as they were shipped."""
    search_targets: list[TargetDoc] | None = Field(default=None, max_length=200)
    """Servers whose records are copied."""
    statistical_codes: list[StatisticalCodeDoc] | None = Field(default=None, max_length=2_000)
    damaged_statuses: list[TypeDoc] | None = Field(default=None, max_length=100)
    """Conditions that an item may be in."""
    digitisation_policies: list[TypeDoc] | None = Field(default=None, max_length=100)
    """Whether and how holdings are digitised."""
    custom_fields: list[CustomFieldDoc] | None = Field(default=None, max_length=100)
    """Facts of the library's own."""
    label_templates: list[LabelTemplateDoc] | None = Field(default=None, max_length=100)
    """Sheets of labels; without any, the shipped ones."""
    record_numbers: list[NumberSeriesDoc] | None = Field(default=None, max_length=3)
    """Prefixes of the numbers that people read out; without any, `t`, `h` and `i`."""
    harvest_formats: list[HarvestFormatDoc] | None = Field(default=None, max_length=50)
    """Crosswalks of the library's own, for harvesters."""

    def section(self, name: str) -> Sequence[Keyed]:
        """A section by its name."""
        found: Sequence[Keyed] | None = getattr(self, name)
        return found or ()

    def flaws(self) -> Iterator[Reason]:
        """Everything that is not sound in itself, with a pointer to each place."""
        for name in SECTIONS:
            times = Counter(entry.key for entry in self.section(name))
            for place, entry in enumerate(self.section(name)):
                if times[entry.key] > 1:
                    yield Reason("code-twice", f"{entry.key!r} stands here twice.", f"/{name}/{place}/code")
        for name, parents, link in PARENTS:
            known = {entry.code for entry in self.section(parents)}
            for place, entry in enumerate(self.section(name)):
                if (told := getattr(entry, link)) not in known:
                    yield Reason(
                        "code-unknown",
                        f"There is no {link} {told!r} in {parents}.",
                        f"/{name}/{place}/{link}",
                    )
        for place, profile in enumerate(self.import_profiles or ()):
            yield from profile.flaws(f"/import_profiles/{place}")
        for place, own in enumerate(self.custom_fields or ()):
            yield from own.flaws(f"/custom_fields/{place}")
        for place, labels in enumerate(self.label_templates or ()):
            yield from labels.flaws(f"/label_templates/{place}")
        for place, crosswalk in enumerate(self.harvest_formats or ()):
            yield from crosswalk.flaws(f"/harvest_formats/{place}")
        named = ("material_types", "libraries", "locations")
        there = {name: {entry.key for entry in self.section(name)} for name in named}
        for place, wanted in enumerate(self.harvest_sets):
            yield from wanted.flaws(f"/harvest_sets/{place}", there)
        for name, needed in (("material_types", UNSPECIFIED), ("loan_types", STANDARD)):
            if needed.code not in {entry.code for entry in self.section(name)}:
                yield Reason(
                    "type-needed",
                    f"{needed.code!r} is what an item gets that tells no type; it must stay.",
                    f"/{name}",
                    f'Add {{"code": "{needed.code}", "name": "{needed.name}"}}.',
                )


SECTIONS = (
    "institutions",
    "campuses",
    "libraries",
    "locations",
    "material_types",
    "loan_types",
    "harvest_sets",
    "import_profiles",
    "search_targets",
    "statistical_codes",
    "damaged_statuses",
    "digitisation_policies",
    "custom_fields",
    "label_templates",
    "record_numbers",
    "harvest_formats",
)
PARENTS = (
    ("campuses", "institutions", "institution"),
    ("libraries", "campuses", "campus"),
    ("locations", "libraries", "library"),
)


class SectionDiff(BaseModel):
    """What would change in one section, by code (locations by `LIBRARY/CODE`)."""

    added: list[str]
    changed: list[str]
    removed: list[str]


def difference(old: ConfigurationDoc, new: ConfigurationDoc) -> dict[str, SectionDiff]:
    """Section by section, what differs; sections without a difference are left out."""
    told: dict[str, SectionDiff] = {}
    for name in SECTIONS:
        if getattr(new, name) is None:
            continue
        before: dict[str, Any] = {entry.key: entry for entry in old.section(name)}
        after: dict[str, Any] = {entry.key: entry for entry in new.section(name)}
        diff = SectionDiff(
            added=sorted(after.keys() - before.keys()),
            changed=sorted(key for key in after.keys() & before.keys() if after[key] != before[key]),
            removed=sorted(before.keys() - after.keys()),
        )
        if diff.added or diff.changed or diff.removed:
            told[name] = diff
    return told
