"""What terms of the vocabulary are in ONIX-PL, and what ONIX-PL says in terms of the vocabulary. No I/O.

Codes are those of EDItEUR's code lists (`onixPL:…`). What has no counterpart is told as a loss, never left out quietly.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

SPACE: Final = "http://www.editeur.org/onix-pl"
USES: Final[Mapping[str, str]] = {
    "permitted": "onixPL:Permitted",
    "prohibited": "onixPL:Prohibited",
    "silent": "onixPL:SilentUninterpreted",
    "interpreted": "onixPL:InterpretedAsPermitted",
}
USE_OF: Final[Mapping[str, str]] = {code: use for use, code in USES.items()} | {
    "onixPL:InterpretedAsProhibited": "prohibited"
}
STATUSES: Final[Mapping[str, str]] = {
    "permitted": "onixPL:Yes",
    "prohibited": "onixPL:No",
    "silent": "onixPL:Uncertain",
}
LICENCE_STATUSES: Final[Mapping[str, str]] = {
    "active": "onixPL:ActiveLicense",
    "draft": "onixPL:ProposedLicense",
    "in-negotiation": "onixPL:ProposedLicense",
    "closed": "onixPL:NoLongerActive",
}
"""A rejected one is no licence."""
STATUS_OF: Final[Mapping[str, str]] = {
    "onixPL:ActiveLicense": "active",
    "onixPL:ProposedLicense": "draft",
    "onixPL:NoLongerActive": "closed",
}


@dataclass(frozen=True, slots=True)
class Sign:
    """What makes a usage the one of a term: an element of it, by its path, with this code."""

    path: tuple[str, ...]
    code: str


@dataclass(frozen=True, slots=True)
class UsageForm:
    """A term that is a usage."""

    kind: str
    sign: Sign | None = None
    kinds_read: tuple[str, ...] = ()
    """Other types that are read as the same."""
    around: tuple[tuple[str, str], ...] = ()
    """What stands beside the sign where it lies within another element."""


_TARGET: Final = (("UsageResourceRelator", "onixPL:TargetResource"),)
USAGES: Final[Mapping[str, UsageForm]] = {
    "ill-print": UsageForm("onixPL:SupplyCopy", Sign(("UsageMethod",), "onixPL:Fax")),
    "ill-secure-electronic": UsageForm(
        "onixPL:SupplyCopy", Sign(("UsageMethod",), "onixPL:SecureElectronicTransmission")
    ),
    "ill-electronic": UsageForm("onixPL:SupplyCopy", Sign(("UsageMethod",), "onixPL:ElectronicTransmission")),
    "walk-in-users": UsageForm("onixPL:Use", Sign(("User",), "onixPL:WalkInUser"), ("onixPL:Access",)),
    "remote-access": UsageForm(
        "onixPL:Use",
        Sign(("UsageRelatedPlace", "RelatedPlace"), "onixPL:RemoteLocation"),
        ("onixPL:Access",),
        (("UsagePlaceRelator", "onixPL:PlaceOfUsage"),),
    ),
    "scholarly-sharing": UsageForm(
        "onixPL:MakeAvailable",
        Sign(("UsageRelatedAgent", "RelatedAgent"), "onixPL:ExternalAcademic"),
        around=(("UsageAgentRelator", "onixPL:ReceivingAgent"),),
    ),
    "course-packs": UsageForm(
        "onixPL:Include",
        Sign(("UsageRelatedResource", "RelatedResource"), "onixPL:CoursePackElectronic"),
        ("onixPL:MakeAvailable", "onixPL:MakeDigitalCopy", "onixPL:Copy"),
        _TARGET,
    ),
    "course-reserves": UsageForm(
        "onixPL:Include",
        Sign(("UsageRelatedResource", "RelatedResource"), "onixPL:CourseReserveElectronic"),
        ("onixPL:MakeAvailable", "onixPL:MakeDigitalCopy", "onixPL:Copy"),
        _TARGET,
    ),
    "text-and-data-mining": UsageForm("onixPL:UseForDataMining"),
}


@dataclass(frozen=True, slots=True)
class StatedForm:
    """A term that ONIX-PL states: continuing access, supply, or in general."""

    group: str
    element: str
    code: str

    @property
    def kind(self) -> str:
        """The element that says which one it is."""
        return f"{self.element}Type"


STATED: Final[Mapping[str, StatedForm]] = {
    "accessibility": StatedForm("SupplyTerms", "SupplyTerm", "onixPL:ComplianceWithAccessibilityStandards"),
    "perpetual-access": StatedForm(
        "ContinuingAccessTerms", "ContinuingAccessTerm", "onixPL:PostCancellationOnlineAccess"
    ),
    "archiving-copy": StatedForm(
        "ContinuingAccessTerms", "ContinuingAccessTerm", "onixPL:PostCancellationFileSupply"
    ),
    "governing-law": StatedForm("GeneralTerms", "GeneralTerm", "onixPL:GoverningLaw"),
    "confidentiality": StatedForm("GeneralTerms", "GeneralTerm", "onixPL:ConfidentialityOfAgreement"),
}
"""In the order of their groups."""
CONCURRENT: Final = "concurrent-users"
CONDITIONS: Final = ("UsageCondition", "UsagePurpose", "UsageException")
"""What bounds a usage: kept with it word by word, for without it the usage would say more than the licence does."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that one side says and the other has no words for."""

    code: str
    text: str
    path: str


@dataclass(slots=True)
class TermRead:
    """A term as ONIX-PL says it."""

    term: str
    use: str | None = None
    value: object = None
    public_note: str | None = None
    internal_note: str | None = None


@dataclass(slots=True)
class LicenceRead:
    """A licence as ONIX-PL says it."""

    name: str
    status: str = "draft"
    licensor: str | None = None
    starts_on: str | None = None
    ends_on: str | None = None
    terms: dict[str, TermRead] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)

    def say(self, told: TermRead, path: str) -> None:
        """A term; of two that contradict each other the stricter stays, and that is told."""
        before = self.terms.get(told.term)
        if before is None:
            self.terms[told.term] = told
            return
        if before.use != told.use:
            stays = min((before, told), key=lambda one: _STRICT.index(one.use))
            text = f"It says {before.use} and {told.use} of {told.term}; {stays.use} was taken."
            self.losses.append(Loss("usage-contradicts", text, path))
            stays.internal_note = joined([before.internal_note, told.internal_note])
            self.terms[told.term] = stays
        else:
            before.public_note = joined([before.public_note, told.public_note])
            before.internal_note = joined([before.internal_note, told.internal_note])


_STRICT: Final[Sequence[str | None]] = ("prohibited", "silent", "interpreted", "permitted", None)
LONGEST_NOTE: Final = 2000


def joined(notes: Iterable[str | None]) -> str | None:
    """Notes as one, each once; bounded as notes are."""
    told = list(dict.fromkeys(note for note in notes if note))
    return "\n".join(told)[:LONGEST_NOTE] if told else None


def day_of(told: str) -> str | None:
    """`20270101` as a day; None: it is none of that form."""
    return (
        f"{told[:4]}-{told[4:6]}-{told[6:]}" if len(told) == 8 and told.isascii() and told.isdigit() else None
    )
