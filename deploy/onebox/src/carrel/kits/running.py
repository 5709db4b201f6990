"""A migration from beginning to end: read, map, hand over, compare."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from pydantic import ValidationError

from carrel.kits import alma, folio, koha, mapping, sierra
from carrel.kits.loading import Door, Loading
from carrel.kits.neutral import KINDS, Left
from carrel.kits.preparing import Prepared, prepared
from carrel.kits.reading import Folder, Unreadable
from carrel.kits.reconciling import Account, outcome_lines, reconcile
from carrel.kits.settings import MappingDoc
from carrel.kits.state import FOLDER, State, digest_of, write_lines

KITS: Final[Mapping[str, ModuleType]] = {"koha": koha, "folio": folio, "alma": alma, "sierra": sierra}
MAPPING: Final = "mapping.json"


class NotReady(Exception):
    """Nothing was written: what is to be set right first, all of it."""

    def __init__(self, headline: str, reasons: list[str]) -> None:
        super().__init__("\n".join([headline, *(f"  {reason}" for reason in reasons)]))
        self.reasons = reasons


@dataclass(slots=True)
class Report:
    """What came of it."""

    source: str
    handed_over: dict[str, int]
    accounts: list[Account] = field(default_factory=list)
    """Nothing for a dry run."""
    outcomes: str = ""
    """The outcome file."""
    besides: list[Left] = field(default_factory=list)
    """What is here and was not as one would wish."""

    @property
    def level(self) -> bool:
        """Whether everything is here as it was there."""
        return all(account.level for account in self.accounts)

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        told = asdict(self)
        return {**told, "level": self.level}


@dataclass
class Run:
    """What is asked for."""

    kit: str
    folder: Path
    door: Door
    dry_run: bool = False
    resume: bool = False
    say: Callable[[str], None] = print
    pause: Callable[[float], None] = time.sleep

    def report(self) -> Report:
        """Do it; `NotReady` with everything that is to be set right, before anything is written."""
        settings = self.settings()
        work = self.folder / FOLDER
        work.mkdir(mode=0o700, exist_ok=True)
        try:
            export = KITS[self.kit].read(Folder(self.folder), settings)
            read = prepared(export, work / "titles.ndjson")
        except Unreadable as error:
            raise NotReady("The export cannot be read.", error.reasons) from None
        handed = {kind: read.count(kind) for kind in KINDS}
        self.say("read: " + ", ".join(f"{count} {kind}s" for kind, count in handed.items()))
        settings = self.mapped(settings, read)
        outcomes = work / "outcomes.csv"
        if self.dry_run:
            write_lines(outcomes, outcome_lines([], read.left))
            return Report(settings.source, handed, outcomes=str(outcomes), besides=read.left)
        handed_over = [read.patrons, read.loans, read.holds, read.fees, settings.model_dump()]
        state = State.begun(
            work / "state.json", digest_of(read.titles_file, *handed_over), resume=self.resume
        )
        state.keep()
        loading = Loading(self.door, read, settings, state, self.say, self.pause)
        loading.everything()
        accounts = reconcile(loading)
        besides = [each for each in read.left if not each.lost]
        write_lines(outcomes, outcome_lines(accounts, besides))
        told = Report(settings.source, handed, accounts, str(outcomes), besides)
        write_lines(work / "report.json", [json.dumps(told.as_json(), indent=2, ensure_ascii=False)])
        return told

    def settings(self) -> MappingDoc:
        """The mapping document beside the export; without one, as it begins."""
        file = self.folder / MAPPING
        if not file.exists():
            return MappingDoc(source=self.kit)
        try:
            return MappingDoc.model_validate_json(file.read_bytes())
        except ValidationError as error:
            wrong = [f"/{'/'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
            raise NotReady(f"{file} cannot be used.", wrong) from None

    def mapped(self, settings: MappingDoc, read: Prepared) -> MappingDoc:
        """The mapping, whole; else it is written as far as it goes, and everything that is open told."""
        catalog = self.door.get("/v1/configuration/catalog")
        circulation = self.door.get("/v1/configuration/circulation")
        targets = mapping.targets_of(catalog, circulation)
        file = self.folder / MAPPING
        new = mapping.drafted(settings, read.codes, targets)
        if new != settings or not file.exists():
            write_lines(file, [new.model_dump_json(indent=2)])
        wrong = [] if new.zone else ["zone is not said: that of times without one, as Europe/Berlin."]
        wrong += [*mapping.unmapped(new, read.codes, targets), *mapping.ambiguous(read.codes)]
        if read.patrons:
            wrong += _profile_wrongs(new, circulation)
        if read.fees and circulation.get("currency") != new.currency:
            wrong.append(
                f"The library keeps its accounts in {circulation.get('currency')}, not {new.currency}."
            )
        if wrong:
            raise NotReady(
                f"Nothing was written. Set {file} right, or the configuration, and try again:", wrong
            )
        return new


def _profile_wrongs(settings: MappingDoc, circulation: Mapping[str, Any]) -> list[str]:
    """What stands against the profile by which patrons are to be loaded."""
    profiles = {each["code"]: each for each in circulation.get("load_profiles", ())}
    found = profiles.get(settings.load_profile)
    if found is None:
        known = ", ".join(sorted(profiles)) or "none"
        return [
            f"load_profile {settings.load_profile!r} is not configured for circulation (there is: {known})."
        ]
    wrong = []
    if found.get("deactivate_missing"):
        wrong.append(
            f"load_profile {settings.load_profile!r} deactivates whoever is missing: a migration must not."
        )
    clash = {code for code in found.get("groups", {}) if code in settings.patron_groups.values()}
    if clash:
        wrong.append(
            f"load_profile {settings.load_profile!r} maps the groups {', '.join(sorted(clash))} once more."
        )
    return wrong
