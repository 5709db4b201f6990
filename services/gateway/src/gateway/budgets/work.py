"""A second budget for strangers who let their machine work for it: cheap for one reader, dear for ten thousand bots.

Nothing is kept: a challenge is ours by its signature, is for one address, and brings one pass however often it is
answered. So answers may be repeated, and any process judges them.
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chassis.problems import Invalid, Reason
from gateway.budgets.rules import network_of

BITS: Final = 18
"""Zero bits that an answer's hash begins with: a quarter of a million tries, a second of a browser's time."""
ANSWERED_SECONDS: Final = 300
PASS_SECONDS: Final = 3600
LONGEST: Final = 300


class WorkRefused(Invalid):
    """The challenge is not ours, is too old or for another, or the answer is wrong."""

    code, title = "work-refused", "This is no answer to a challenge that was given to you lately."


@dataclass(frozen=True, slots=True)
class Work:
    """Challenges and passes of an installation."""

    secret: bytes

    def challenge(self, address: str | None, *, now: datetime) -> str:
        """A new one, for whoever asks from here."""
        return self._signed(
            "work", secrets.token_urlsafe(12), address, int(now.timestamp()) + ANSWERED_SECONDS
        )

    def answered(self, challenge: str, answer: str, address: str | None, *, now: datetime) -> str:
        """The pass; `WorkRefused` with the reason."""
        parts = self._read("work", challenge, address, now)
        if parts is None:
            raise WorkRefused(
                reasons=[
                    Reason(
                        "challenge-unknown",
                        "It was not given to you, or too long ago.",
                        "/challenge",
                        "Ask for another.",
                    )
                ]
            )
        if not answers(challenge, answer):
            raise WorkRefused(
                reasons=[
                    Reason(
                        "answer-wrong",
                        f"The SHA-256 of challenge, a colon and answer begins with {BITS} zero bits.",
                        "/answer",
                    )
                ]
            )
        return self._signed("pass", parts[0], address, parts[1] - ANSWERED_SECONDS + PASS_SECONDS)

    def holder(self, shown: str, address: str | None, *, now: datetime) -> str | None:
        """Whose pass it is; None for none that is good here."""
        parts = self._read("pass", shown, address, now)
        return None if parts is None else parts[0]

    def _signed(self, what: str, name: str, address: str | None, until: int) -> str:
        told = f"{what}.{name}.{until}"
        return f"{told}.{self._mac(told, address)}"

    def _mac(self, told: str, address: str | None) -> str:
        made = hmac.new(self.secret, f"{told} {network_of(address)}".encode(), hashlib.sha256).digest()
        return urlsafe_b64encode(made[:18]).decode()

    def _read(self, what: str, shown: str, address: str | None, now: datetime) -> tuple[str, int] | None:
        told, _, mac = shown.rpartition(".")
        if len(shown) > LONGEST or not hmac.compare_digest(mac.encode(), self._mac(told, address).encode()):
            return None
        kind, name, until = told.split(".")
        return (name, int(until)) if kind == what and int(until) > now.timestamp() else None


def answers(challenge: str, answer: str) -> bool:
    """Whether an answer is one."""
    if len(answer) > LONGEST:
        return False
    made = hashlib.sha256(f"{challenge}:{answer}".encode("utf-8", "replace")).digest()
    return int.from_bytes(made[:8], "big") >> (64 - BITS) == 0
