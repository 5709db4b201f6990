"""What somebody is told whose sign-in came to nothing: a sentence, and what would mend it. The log has the code."""

from typing import Final

from gateway.saml.rules import Code

AGAIN: Final = "Please sign in again."
STAFF: Final = "If it happens again, tell the library: this is between its computers and your institution's."

REFUSED: Final = {
    Code.NO_REQUEST: "This answer belongs to no sign-in that was begun here.",
    Code.REQUEST_USED: "This answer was used already, as happens with the browser's “back”.",
    Code.REQUEST_EXPIRED: "Signing in took longer than ten minutes.",
    Code.OTHER_BROWSER: "The sign-in was begun in another browser, or this one does not keep cookies.",
    Code.STATUS: "Your institution did not sign you in.",
    Code.STALE: "Your institution's answer was too long on its way.",
    Code.EXPIRED: "Your institution's answer has run out.",
    Code.SESSION_OVER: "Your sign-in at your institution has run out.",
    Code.UNKNOWN_ISSUER: "The library no longer works together with this institution.",
    Code.CONTEXT: "Your institution did not sign you in with two factors.",
}
OTHERWISE: Final = "Your institution's answer could not be accepted."

TURNED_AWAY: Final = {
    "identifier-missing": (
        "Your institution did not tell the library who you are.",
        "It would have to release the attribute pairwise-id or subject-id to the library. Ask its help desk, and "
        "say that the library needs one of the two.",
    ),
    "no-rule-fits": (
        "Your institution did not say anything by which the library could admit you.",
        "The library goes by your affiliation (student, staff …). Ask your institution's help desk whether it "
        "releases eduPersonScopedAffiliation to the library, or ask the library whether it is open to you.",
    ),
    "turned-away": (
        "The library is not open to your group at your institution.",
        "Ask the library if you think that this is wrong.",
    ),
}


def told_of(code: Code) -> str:
    """The sentence for a reason."""
    return REFUSED.get(code, OTHERWISE)
