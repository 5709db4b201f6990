"""What came of a citation, as programs are told it and as the page shows it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from contracts.openurl import write
from erm.coverage.rules import Statement, open_on
from erm.platforms.access import TEXTS as ACCESS
from erm.platforms.access import Method
from erm.resolver.commands import Resolved, elsewhere, service_of
from erm.resolver.rules import TEXTS, Candidate, Right, terms_on
from erm.resolver.wire import (
    AccessOut,
    CitationOut,
    CoveredOut,
    ExplainedOut,
    NoteOut,
    ReasonOut,
    RefusedOut,
    ResolvedOut,
    RightExplainedOut,
    TargetOut,
    TermShownOut,
    WayExplainedOut,
    WayOfAskingOut,
)

NOTHING: Final = {
    "no-identifier": "The citation tells no ISSN, ISBN, DOI or OCLC number that could be looked for.",
    "identifier-unknown": "The library's knowledge base has heard of none of these numbers.",
    "on-no-platform": "The library's knowledge base knows the title, and no place where it is to be had.",
}


def _reason(code: str) -> ReasonOut:
    return ReasonOut(code=code, text=TEXTS[code])


def _access(method: Method | None) -> AccessOut | None:
    return AccessOut(method=method, text=ACCESS[method]) if method else None


def _covered(statements: Sequence[Statement], today: date) -> list[CoveredOut]:
    told = []
    for said in statements:
        window = open_on(said, today=today)
        told.append(
            CoveredOut(
                first=window.first if window else said.span.first,
                last=window.last if window else said.span.last,
                start_volume=said.start_volume,
                end_volume=said.end_volume,
                embargo=str(said.embargo) if said.embargo else None,
            )
        )
    return told


def _terms(right: Right | None, shown: Mapping[str, str], today: date) -> list[TermShownOut]:
    if right is None:
        return []
    told = {term["term"]: term for term in terms_on(right, today)}
    return [
        TermShownOut(
            term=code, name=name, use=told[code]["use"], value=told[code]["value"], note=told[code]["note"]
        )
        for code, name in shown.items()
        if code in told
    ]


def _nothing(resolved: Resolved) -> list[ReasonOut]:
    if resolved.ways.targets or resolved.ways.refused:
        return []
    code = (
        "no-identifier"
        if not resolved.identifiers
        else "on-no-platform"
        if resolved.known
        else "identifier-unknown"
    )
    return [ReasonOut(code=code, text=NOTHING[code])]


def _asking(resolved: Resolved) -> WayOfAskingOut | None:
    if any(target.certain for target in resolved.ways.targets):
        return None
    citation = write(resolved.asked)
    form = resolved.doc.resolver.request_form
    return WayOfAskingOut.model_validate(
        {
            "service": service_of(resolved.asked),
            "openurl": citation,
            "href": form.replace("{openurl}", citation) if form else None,
        }
    )


def told(resolved: Resolved, shown: Mapping[str, str]) -> ResolvedOut:
    """The answer."""
    asked, today = resolved.asked, resolved.today
    return ResolvedOut.model_validate(
        {
            "version": asked.version,
            "source": asked.source,
            "citation": CitationOut(
                **{name: getattr(asked, name) for name in CitationOut.model_fields if name != "title"},
                title=asked.title or asked.short_title,
            ),
            "notes": [NoteOut(code=flaw.code, key=flaw.key, text=flaw.text) for flaw in asked.flaws],
            "known": resolved.known,
            "reasons": _nothing(resolved),
            "targets": [
                TargetOut(
                    url=target.url,
                    platform=target.candidate.platform,
                    package=target.candidate.package,
                    title=target.candidate.title,
                    free=target.right is None,
                    perpetual=target.right is not None and target.right.perpetual_id is not None,
                    certain=target.certain,
                    access=_access(target.method),
                    simultaneous_users=target.candidate.simultaneous_users if target.right else None,
                    coverage=_covered(target.statements, today),
                    terms=_terms(target.right, shown, today),
                )
                for target in resolved.ways.targets
            ],
            "refused": [
                RefusedOut(
                    platform=one.candidate.platform,
                    package=one.candidate.package,
                    title=one.candidate.title,
                    reasons=[_reason(code) for code in one.reasons],
                    coverage=_covered(one.statements, today),
                )
                for one in resolved.ways.refused
            ],
            "elsewhere": elsewhere(asked),
            "request": _asking(resolved),
        }
    )


def explained(resolved: Resolved, *, names: bool) -> ExplainedOut:
    """Everything that was looked at; `names`: what agreements and licences are called, too."""
    chosen = {id(target.candidate): target.method for target in resolved.ways.targets}
    every = [target.candidate for target in resolved.ways.targets]
    every += [refused.candidate for refused in resolved.ways.refused]
    first = "free before licensed" if resolved.doc.resolver.free_first else "licensed before free"
    return ExplainedOut(
        identifiers=list(resolved.identifiers),
        known=resolved.known,
        today=resolved.today,
        time_zone=resolved.doc.time_zone,
        asked_first=resolved.wanted.asked.first,
        asked_last=resolved.wanted.asked.last,
        order=f"what is surely covered first, then {first}, then by name",
        ways=[_way(one, chosen=id(one) in chosen, method=chosen.get(id(one)), names=names) for one in every],
    )


def _way(candidate: Candidate, *, chosen: bool, method: Method | None, names: bool) -> WayExplainedOut:
    return WayExplainedOut(
        platform=candidate.platform,
        package=candidate.package,
        title_id=candidate.title_id,
        item_id=candidate.item_id,
        chosen=chosen,
        templates=list(candidate.templates),
        proxied=candidate.proxied,
        access_methods=[way.method for way in candidate.access],
        access=method,
        listed_from=candidate.listed.first,
        listed_until=candidate.listed.last,
        rights=[
            RightExplainedOut(
                line_id=right.line_id if names else None,
                perpetual_right_id=right.perpetual_id if names else None,
                agreement_id=right.agreement_id if names else None,
                agreement=right.agreement if names else None,
                licence=right.licence if names else None,
                against=[_reason(code) for code in right.against],
                own_coverage=bool(right.coverage),
            )
            for right in candidate.rights
        ],
    )
