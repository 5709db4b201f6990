"""A wish that is told as an OpenURL, as a link resolver or a database makes it."""

from pydantic import ValidationError

from chassis.problems import Invalid, Reason
from contracts.openurl import LONGEST, OpenUrl, Unreadable, read, without_requester
from ill.requests.seeing import CitationIn, Service

MOST = LONGEST


def read_wish(told: str) -> tuple[Service, CitationIn, str]:
    """What is asked for (a copy of a piece, a loan of a whole), its citation, and the OpenURL without who asked."""
    try:
        asked = read(told)
    except Unreadable as error:
        mend = "Send the address of a citation, or the citation itself."
        raise Invalid(reasons=[Reason(error.code, error.text, "/openurl", mend)]) from error
    if not asked.says_something:
        text = "It names neither a title nor a number."
        raise Invalid(reasons=[Reason("openurl-empty", text, "/openurl", "Send the citation itself.")])
    try:
        citation = CitationIn.model_validate(asked.citation())
    except ValidationError as error:
        names = ", ".join(str(one["loc"][0]) for one in error.errors())
        text = f"What it tells is longer than is kept: {names}."
        raise Invalid(
            reasons=[Reason("openurl-too-long", text, "/openurl", "Send the citation itself.")]
        ) from error
    return service_of(asked), citation, without_requester(told)


def service_of(asked: OpenUrl) -> Service:
    """A piece of something is copied; what is whole is lent."""
    if asked.part_of_a_whole:
        return "copy"
    return "loan" if asked.kind in ("book", "dissertation", "report", "journal", "issue") else "copy-or-loan"
