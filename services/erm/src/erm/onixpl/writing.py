"""A licence as an ONIX-PL message, as it counts on a day, and what of it ONIX-PL has no words for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from chassis.markup import opened, text
from erm.licences.rules import Said
from erm.onixpl.rules import (
    CONCURRENT,
    LICENCE_STATUSES,
    SPACE,
    STATED,
    STATUSES,
    USAGES,
    USES,
    Loss,
    UsageForm,
)


@dataclass(frozen=True, slots=True)
class ToWrite:
    """A licence, and what its terms are on a day."""

    id: str
    version: int
    row: Mapping[str, Any]
    licensor: str | None
    said: Mapping[str, Said]
    amendments: int
    """How many there are; what of them counts on the day is among `said`."""


def _of(name: str, told: object) -> str:
    return f"<{name}>{text(str(told))}</{name}>"


def _days(row: Mapping[str, Any]) -> list[tuple[str, date]]:
    told = (("LicenseStartDate", row["starts_on"]), ("LicenseEndDate", row["ends_on"]))
    return [(label, day) for label, day in told if day is not None]


def written(told: ToWrite, *, now: datetime, sender: str) -> bytes:
    """The message; its terms in the order of ONIX-PL's groups."""
    return "".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>\n',
            opened("ONIXPublicationsLicenseMessage", xmlns=SPACE, version="1.0"),
            "<Header><Sender>",
            _of("SenderName", sender),
            "</Sender>",
            _of("SentDateTime", now.strftime("%Y%m%dT%H%M%SZ")),
            "</Header><PublicationsLicenseExpression>",
            *_details(told),
            *_definitions(told),
            "<UsageTerms>",
            *_usages(told.said),
            "</UsageTerms>",
            *_stated(told.said),
            "</PublicationsLicenseExpression></ONIXPublicationsLicenseMessage>\n",
        ]
    ).encode()


def _details(told: ToWrite) -> Iterator[str]:
    yield "<ExpressionDetail><ExpressionType>onixPL:LicenseExpression</ExpressionType><ExpressionIdentifier>"
    yield "<ExpressionIDType>onixPL:Proprietary</ExpressionIDType><IDTypeName>licence</IDTypeName>"
    yield f"{_of('IDValue', told.id)}</ExpressionIdentifier>{_of('ExpressionVersion', told.version)}"
    yield "<ExpressionStatus>onixPL:Approved</ExpressionStatus></ExpressionDetail><LicenseDetail>"
    yield _of("Description", told.row["name"])
    if (status := LICENCE_STATUSES.get(told.row["status"])) is not None:
        yield _of("LicenseStatus", status)
    if told.licensor is not None:
        yield "<LicenseRelatedAgent><LicenseAgentRelator>onixPL:Licensor</LicenseAgentRelator>"
        yield "<RelatedAgent>Licensor</RelatedAgent></LicenseRelatedAgent>"
    for label, _ in _days(told.row):
        yield f"<LicenseRelatedTimePoint><LicenseTimePointRelator>onixPL:{label}</LicenseTimePointRelator>"
        yield f"<RelatedTimePoint>{label}</RelatedTimePoint></LicenseRelatedTimePoint>"
    yield "</LicenseDetail>"


def _definitions(told: ToWrite) -> Iterator[str]:
    days = _days(told.row)
    if told.licensor is None and not days:
        return
    yield "<Definitions>"
    if told.licensor is not None:
        yield "<AgentDefinition><AgentLabel>Licensor</AgentLabel><AgentType>onixPL:Organization</AgentType>"
        yield "<AgentName><AgentNameType>onixPL:RegisteredName</AgentNameType>"
        yield f"{_of('Name', told.licensor)}</AgentName></AgentDefinition>"
    for label, day in days:
        yield f"<TimePointDefinition><TimePointLabel>{label}</TimePointLabel><TimePointIdentifier>"
        yield f"<TimePointIDType>onixPL:YYYYMMDD</TimePointIDType>{_of('IDValue', day.strftime('%Y%m%d'))}"
        yield "</TimePointIdentifier></TimePointDefinition>"
    yield "</Definitions>"


def _note(said: Said) -> str:
    if not said.public_note:
        return ""
    note = _of("AnnotationText", said.public_note)
    return f"<Annotation><AnnotationType>onixPL:SpecialConditions</AnnotationType>{note}</Annotation>"


def _usages(said: Mapping[str, Said]) -> Iterator[str]:
    for term, form in USAGES.items():
        if (one := said.get(term)) is not None and one.use is not None and not one.internal:
            yield _usage(form, USES[one.use], _note(one))
    if (one := said.get(CONCURRENT)) is not None and isinstance(one.value, int) and not one.internal:
        yield "<Usage><UsageType>onixPL:Use</UsageType><UsageStatus>onixPL:Permitted</UsageStatus>"
        yield "<User>onixPL:AuthorizedUser</User><UsedResource>onixPL:LicensedContent</UsedResource><UsageQuantity>"
        yield "<UsageQuantityType>onixPL:NumberOfConcurrentUsers</UsageQuantityType><QuantityDetail>"
        yield f"{_of('Value', one.value)}<QuantityUnit>onixPL:Users</QuantityUnit></QuantityDetail>"
        yield "</UsageQuantity></Usage>"


def _usage(form: UsageForm, status: str, note: str) -> str:
    sign = form.sign
    user = sign.code if sign is not None and sign.path == ("User",) else "onixPL:AuthorizedUser"
    method = around = ""
    if sign is not None and sign.path == ("UsageMethod",):
        method = _of("UsageMethod", sign.code)
    elif sign is not None and len(sign.path) == 2:
        outer, inner = sign.path
        beside = "".join(_of(name, code) for name, code in form.around)
        around = f"<{outer}>{beside}{_of(inner, sign.code)}</{outer}>"
    return (
        f"<Usage>{_of('UsageType', form.kind)}{_of('UsageStatus', status)}{note}{_of('User', user)}"
        f"<UsedResource>onixPL:LicensedContent</UsedResource>{method}{around}</Usage>"
    )


def _stated(said: Mapping[str, Said]) -> Iterator[str]:
    group = None
    for term, form in STATED.items():
        one = said.get(term)
        if one is None or one.internal:
            continue
        if form.group != group:
            yield (f"</{group}>" if group else "") + f"<{form.group}>"
            group = form.group
        status = STATUSES.get("permitted" if one.use == "interpreted" else one.use or "")
        words = one.value if isinstance(one.value, str) else None
        yield f"<{form.element}>{_of(form.kind, form.code)}"
        yield _of("TermStatus", status) if status else ""
        if words is not None and words != one.public_note:
            yield "<Annotation><AnnotationType>onixPL:Interpretation</AnnotationType>"
            yield f"{_of('AnnotationText', words)}</Annotation>"
        yield f"{_note(one)}</{form.element}>"
    if group:
        yield f"</{group}>"


def losses(told: ToWrite) -> list[Loss]:
    """What the message does not say of the licence, or says otherwise."""
    found: list[Loss] = []
    if told.row["status"] not in LICENCE_STATUSES:
        found.append(Loss("status-unknown", f"ONIX-PL has no state {told.row['status']}.", "/status"))
    elif told.row["status"] == "in-negotiation":
        found.append(Loss("status-otherwise", "It is told as a proposed licence.", "/status"))
    if told.row["open_ended"]:
        found.append(Loss("open-end", "That it has no end is told by telling none.", "/open_ended"))
    if told.amendments:
        text_ = "Amendments are told by what counts on the day, not one by one."
        found.append(Loss("amendments-folded", text_, "/amendments"))
    for name, what in (("documents", "Documents"), ("note", "The note")):
        if told.row[name]:
            found.append(Loss("not-told", f"{what}: not told to others.", f"/{name}"))
    for term, one in told.said.items():
        found += _lost(term, one)
    return found


def _lost(term: str, one: Said) -> Sequence[Loss]:
    where = f"/terms/{term}"
    if one.internal:
        return [Loss("internal", "It is internal, and not told to others.", where)]
    found = []
    spoken = term in USAGES or term in STATED or (term == CONCURRENT and isinstance(one.value, int))
    if not spoken:
        return [Loss("term-unknown", "ONIX-PL has no words for it.", where)]
    if term in USAGES and one.use is None:
        return [Loss("use-missing", "A usage is told by its use, and it has none.", where)]
    if term in STATED and one.use == "interpreted":
        found.append(Loss("interpreted", "That it is an interpretation is not told.", where))
    if term in USAGES and one.value is not None:
        found.append(Loss("value-not-told", "A usage has a status and no value.", where))
    if term in STATED and one.value is not None and not isinstance(one.value, str):
        found.append(Loss("value-not-told", "Only texts are told.", where))
    if term == CONCURRENT and (one.use is not None or one.public_note):
        found.append(Loss("use-not-told", "Of a number of users the number alone is told.", where))
    if one.internal_note:
        found.append(Loss("internal-note", "Internal notes are not told to others.", where))
    return found
