"""The scenarios of ISO 18626 in the test data, read by lxml alone: what each message says, and what matters in it."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import pytest
from lxml import etree

from support.shared_data import shared_data

OF_ONES_OWN = (
    "header",
    "patronInfo",
    "requestedDeliveryInfo",
    "statusInfo/lastChange",
    "statusInfo/expectedDeliveryDate",
    "deliveryInfo/dateSent",
)
"""Who and when, which is looked at apart; and what a library says of itself or its reader."""
ALIKE = (
    "action",
    "messageInfo/reasonForMessage",
    "messageInfo/answerYesNo",
    "messageInfo/reasonUnfilled",
    "messageInfo/reasonRetry",
    "statusInfo/status",
    "serviceInfo/requestType",
    "serviceInfo/serviceType",
)
"""What is said, or not said, exactly as in the scenario; of the rest we may say more."""


def name_of(element: Any) -> str:
    """Without its namespace."""
    return str(etree.QName(element).localname)


@dataclass(frozen=True)
class Said:
    """One message."""

    body: bytes
    file: str = ""

    @cached_property
    def element(self) -> Any:
        """The message itself, inside its envelope."""
        return etree.fromstring(self.body)[0]

    @cached_property
    def kind(self) -> str:
        """request, supplyingAgencyMessage, … or a confirmation of one."""
        return name_of(self.element)

    @cached_property
    def values(self) -> frozenset[tuple[str, str]]:
        """Everything in it: path and text."""
        found = set()
        for leaf in self.element.iter():
            if len(leaf) == 0 and (leaf.text or "").strip():
                path = [name_of(one) for one in (leaf, *leaf.iterancestors())][:-2]
                found.add(("/".join(reversed(path)), leaf.text.strip()))
        return frozenset(found)

    def get(self, path: str) -> str | None:
        """The text at a path, if there is one."""
        return next((text for where, text in sorted(self.values) if where == path), None)

    @property
    def at(self) -> datetime:
        """When it was sent."""
        head = "confirmationHeader" if self.kind.endswith("Confirmation") else "header"
        return datetime.fromisoformat(self.get(f"{head}/timestamp") or "")

    @property
    def request_id(self) -> str:
        """Of which request it is."""
        return self.get("header/requestingAgencyRequestId") or ""

    @property
    def short(self) -> str:
        """What it says, in a word or two."""
        if self.kind == "request":
            return self.get("serviceInfo/requestType") or "New"
        if self.kind == "requestingAgencyMessage":
            return self.get("action") or ""
        reason, status = self.get("messageInfo/reasonForMessage"), self.get("statusInfo/status") or ""
        answer = self.get("messageInfo/answerYesNo")
        if reason in ("RenewResponse", "CancelResponse"):
            return f"{reason} {answer}"
        conditional = status == "WillSupply" and self.get("deliveryInfo/loanCondition")
        return f"{status} on condition" if conditional else status

    def under(self, ids: dict[str, str]) -> bytes:
        """As it would be of the request that we know by another id."""
        body = self.body
        for theirs, ours in ids.items():
            body = body.replace(f">{theirs}<".encode(), f">{ours}<".encode())
        return body


def differences(wanted: Said, said: Said) -> list[str]:
    """Where what we said is not what the scenario says; notes may say more."""
    found = [f"{said.kind} for {wanted.kind}"] if said.kind != wanted.kind else []
    for path, text in sorted(wanted.values):
        if not path.startswith(OF_ONES_OWN):
            told = [there for where, there in said.values if where == path]
            if not any(text in one if path.endswith("note") else text == one for one in told):
                found.append(f"{path}: {told} for {text!r}")
    found += [
        f"{path}: {said.get(path)!r} for {wanted.get(path)!r}"
        for path in ALIKE
        if said.get(path) != wanted.get(path)
    ]
    for agency in ("supplyingAgencyId", "requestingAgencyId"):
        path = f"header/{agency}/agencyIdValue"
        if said.get(path) != wanted.get(path):
            found.append(f"{path}: {said.get(path)!r}")
    return found


def scenarios(version: str) -> list[tuple[str, list[Said]]]:
    """Every scenario that there is: its name, and its messages in the order in which they were sent."""
    found = []
    for folder in sorted(shared_data("iso18626", "scenarios", f"v{version}").iterdir()):
        files = sorted(folder.glob("*.xml"))
        found.append((folder.name, [Said(file.read_bytes(), f"{folder.name}/{file.name}") for file in files]))
    if not found:
        pytest.skip(f"no scenario of {version} is here")
    return found
