"""The catalogue's configuration as one document: everything by code, nothing by id."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from chassis.problems import Reason

Code = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^\S(.*\S)?$")]
Name = Annotated[str, Field(min_length=1, max_length=200)]

SEPARATOR = "/"
"""Between a library's code and a location's, where one text names both."""


class Entry(BaseModel):
    """Something with a code and a name."""

    model_config = ConfigDict(extra="forbid")

    code: Code
    name: Name

    @property
    def key(self) -> str:
        """What identifies it in its section."""
        return self.code


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


class TypeDoc(Entry):
    """A material or loan type."""


UNSPECIFIED = TypeDoc(code="unspecified", name="Unspecified")
STANDARD = TypeDoc(code="standard", name="Standard")


class ConfigurationDoc(BaseModel):
    """Locations and types. A section left out is empty."""

    model_config = ConfigDict(extra="forbid")

    institutions: list[InstitutionDoc] = Field(default_factory=list, max_length=100)
    campuses: list[CampusDoc] = Field(default_factory=list, max_length=1_000)
    libraries: list[LibraryDoc] = Field(default_factory=list, max_length=5_000)
    locations: list[LocationDoc] = Field(default_factory=list, max_length=50_000)
    material_types: list[TypeDoc] = Field(default_factory=lambda: [UNSPECIFIED], max_length=1_000)
    loan_types: list[TypeDoc] = Field(default_factory=lambda: [STANDARD], max_length=1_000)

    def section(self, name: str) -> Sequence[Entry]:
        """A section by its name."""
        found: Sequence[Entry] = getattr(self, name)
        return found

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
        for name, needed in (("material_types", UNSPECIFIED), ("loan_types", STANDARD)):
            if needed.code not in {entry.code for entry in self.section(name)}:
                yield Reason(
                    "type-needed",
                    f"{needed.code!r} is what an item gets that tells no type; it must stay.",
                    f"/{name}",
                    f'Add {{"code": "{needed.code}", "name": "{needed.name}"}}.',
                )


SECTIONS = ("institutions", "campuses", "libraries", "locations", "material_types", "loan_types")
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
