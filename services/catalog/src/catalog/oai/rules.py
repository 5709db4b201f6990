"""What a harvester may ask (OAI-PMH 2.0 §2.5, §3, §4), and what is wrong with what it asked. No I/O."""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID


class Code(StrEnum):
    """The protocol's errors (§3.6)."""

    BAD_ARGUMENT = "badArgument"
    BAD_TOKEN = "badResumptionToken"  # noqa: S105 - the protocol's word
    BAD_VERB = "badVerb"
    NO_FORMAT = "cannotDisseminateFormat"
    NO_ID = "idDoesNotExist"
    NO_RECORDS = "noRecordsMatch"
    NO_SETS = "noSetHierarchy"


class Fault(ValueError):
    """An error of the protocol, and words for whoever reads the harvester's log."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True)
class Verb:
    """What a verb takes; `exclusive` is whether a resumption token may stand instead of all else."""

    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    exclusive: bool = False


_LIST: Final = Verb(frozenset(("metadataPrefix",)), frozenset(("from", "until", "set")), exclusive=True)
VERBS: Final[Mapping[str, Verb]] = {
    "Identify": Verb(),
    "ListMetadataFormats": Verb(optional=frozenset(("identifier",))),
    "ListSets": Verb(exclusive=True),
    "ListIdentifiers": _LIST,
    "ListRecords": _LIST,
    "GetRecord": Verb(frozenset(("identifier", "metadataPrefix"))),
}
FORMATS: Final = ("oai_dc", "marc21", "marc21_withholdings", "mods", "mets")
LONGEST: Final = 2000
"""Characters of one argument's value."""


def asked(pairs: Sequence[tuple[str, str]]) -> tuple[str, dict[str, str]]:
    """The verb and its arguments. Raises `Fault` with every fault in its words."""
    given = dict(pairs)
    verb = given.pop("verb", "")
    if verb not in VERBS or sum(name == "verb" for name, _ in pairs) != 1:
        raise Fault(Code.BAD_VERB, f"The verb is one of {', '.join(VERBS)}, said once.")
    rule, wrong = VERBS[verb], []
    names = [name for name, _ in pairs if name != "verb"]
    known = (
        rule.required | rule.optional | (frozenset(("resumptionToken",)) if rule.exclusive else frozenset())
    )
    wrong += [f"{name} is said twice" for name in sorted(set(names)) if names.count(name) > 1]
    wrong += [f"{name} is no argument of {verb}" for name in sorted(set(names) - known)]
    if "resumptionToken" in names and rule.exclusive:
        if len(set(names)) > 1:
            wrong.append("resumptionToken excludes every other argument")
    else:
        wrong += [f"{name} is missing" for name in sorted(rule.required - set(names))]
    wrong += [f"{name} is empty" for name, value in sorted(given.items()) if not value and name in known]
    wrong += [f"{name} is too long" for name, value in sorted(given.items()) if len(value) > LONGEST]
    if wrong:
        raise Fault(Code.BAD_ARGUMENT, "; ".join(wrong) + ".")
    return verb, given


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records a list has: datestamps from `since` on, before `before`, in a set."""

    prefix: str
    since: datetime | None = None
    before: datetime | None = None
    set_spec: str | None = None


_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_SECOND: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", re.ASCII)
SET_SPEC: Final = r"^[A-Za-z0-9\-_.!~*'()]+(:[A-Za-z0-9\-_.!~*'()]+)*$"


def selection(arguments: Mapping[str, str], own: Collection[str] = ()) -> Selection:
    """What a list's arguments ask for; `own` are prefixes of the library's own formats. Both bounds are included, to
    the second or the day they tell."""
    prefix = format_of(arguments["metadataPrefix"], own)
    wrong: list[str] = []
    bounds: dict[str, tuple[datetime, timedelta]] = {}
    for name in ("from", "until"):
        if (told := arguments.get(name)) is not None:
            try:
                bounds[name] = _moment(told)
            except ValueError:
                wrong.append(f"{name} is YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ")
    since, until = bounds.get("from"), bounds.get("until")
    if since and until:
        if since[1] != until[1]:
            wrong.append("from and until have different granularities")
        elif since[0] > until[0]:
            wrong.append("from is later than until")
    spec = arguments.get("set")
    if spec is not None and not re.fullmatch(SET_SPEC, spec):
        wrong.append("set is no setSpec")
    if wrong:
        raise Fault(Code.BAD_ARGUMENT, "; ".join(wrong) + ".")
    before = _after(*until) if until else None
    return Selection(prefix, since[0] if since else None, before, spec)


def _moment(told: str) -> tuple[datetime, timedelta]:
    """A bound, and how long what it names lasts."""
    if _DAY.fullmatch(told):
        return datetime.strptime(told, "%Y-%m-%d").replace(tzinfo=UTC), timedelta(days=1)
    if _SECOND.fullmatch(told):
        return datetime.strptime(told, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC), timedelta(seconds=1)
    raise ValueError(told)


def _after(moment: datetime, lasting: timedelta) -> datetime | None:
    """The end of what a bound names; None behind the last day there is."""
    try:
        return moment + lasting
    except OverflowError:
        return None


def format_of(prefix: str, own: Collection[str] = ()) -> str:
    """The format of a metadataPrefix."""
    if prefix not in FORMATS and prefix not in own:
        raise Fault(Code.NO_FORMAT, f"Records are given as {', '.join((*FORMATS, *own))}.")
    return prefix


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list goes on: behind this record; how many were given before it, of how many."""

    datestamp: datetime
    title_id: UUID
    given: int
    size: int


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SIGNATURE: Final = 16


def token(verb: str, wanted: Selection, place: Place, *, secret: bytes) -> str:
    """A resumption token: everything that is needed to go on, signed. Nothing is kept here."""
    told = [
        verb,
        wanted.prefix,
        _micros(wanted.since),
        _micros(wanted.before),
        wanted.set_spec,
        _micros(place.datestamp),
        place.title_id.hex,
        place.given,
        place.size,
    ]
    body = json.dumps(told, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_signed(body, secret) + body).rstrip(b"=").decode()


def resumed(told: str, verb: str, *, secret: bytes) -> tuple[Selection, Place]:
    """What a token says. Raises `Fault` for one that was not given out here, or for another verb."""
    try:
        raw = base64.b64decode(told + "=" * (-len(told) % 4), altchars=b"-_", validate=True)
        mark, body = raw[:_SIGNATURE], raw[_SIGNATURE:]
        if not hmac.compare_digest(mark, _signed(body, secret)):
            raise ValueError("signature")
        of, prefix, since, before, spec, at, title, given, size = json.loads(body)
        if of != verb:
            raise ValueError("verb")
        place = Place(_EPOCH + at * _MICROSECOND, UUID(title), given, size)
        return Selection(prefix, _of_micros(since), _of_micros(before), spec), place
    except (ValueError, TypeError, binascii.Error) as error:
        raise Fault(Code.BAD_TOKEN, "This token was not given out here for this verb.") from error


def _signed(body: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, b"oai resumption\n" + body, hashlib.sha256)[:_SIGNATURE]


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - _EPOCH) // _MICROSECOND


def _of_micros(told: int | None) -> datetime | None:
    return None if told is None else _EPOCH + told * _MICROSECOND


def identifier(namespace: str, title_id: UUID) -> str:
    """A record's identifier (OAI Identifier 2.0)."""
    return f"oai:{namespace}:{title_id}"


def title_of(told: str, namespace: str) -> UUID:
    """The title that an identifier names."""
    head = f"oai:{namespace}:"
    try:
        found = UUID(told.removeprefix(head)) if told.startswith(head) else None
    except ValueError:
        found = None
    if found is None or identifier(namespace, found) != told:
        raise Fault(Code.NO_ID, "There is no record with this identifier.")
    return found


def stamp(moment: datetime) -> str:
    """A datestamp on the wire: to the second, never rounded up."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
