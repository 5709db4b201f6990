"""Writes messages, with the children of each element in the schema's order."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from contracts.ncip.grammar import FLAGS, GROUPS, MOMENTS, SCHEMES, SPACE, VERSION
from contracts.ncip.problems import scheme_of

_UNWRITABLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""XML 1.0 has no way to write these."""


def write(kind: str, body: Mapping[str, Any]) -> bytes:
    """A message as XML. `KeyError` for what the grammar does not know: that would be our mistake.

    Of the kind `Problem` only the problems under that name are written: the answer to what is no message.
    """
    lines = [
        "<?xml version='1.0' encoding='UTF-8'?>\n",
        f'<NCIPMessage xmlns="{SPACE}" xmlns:ncip="{SPACE}" ncip:version="{VERSION}">',
    ]
    if kind == "Problem":
        for each in body["Problem"]:
            _element(lines, "Problem", each, None)
    else:
        _element(lines, kind, body, kind.removesuffix("Response"))
    lines.append("</NCIPMessage>\n")
    return "".join(lines).encode()


def _element(lines: list[str], name: str, told: Any, service: str | None) -> None:
    if name not in GROUPS:
        lines.append(_leaf(name, told, service))
        return
    if unknown := set(told) - {part.name for part in GROUPS[name]}:
        raise KeyError(f"{name} has no {', '.join(sorted(unknown))}")
    lines.append(f"<{name}>")
    for part in GROUPS[name]:
        found = told.get(part.name)
        for value in found if part.many and found is not None else [found]:
            if value is not None:
                _element(lines, part.name, value, service)
    lines.append(f"</{name}>")


def _leaf(name: str, told: Any, service: str | None) -> str:
    if name in FLAGS:
        return f"<{name}/>"
    if name in MOMENTS:
        moment = told if isinstance(told, datetime) else datetime.fromisoformat(told)
        told = moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    scheme = scheme_of(told, service) if name == "ProblemType" else SCHEMES.get(name)
    attribute = f" ncip:Scheme={quoteattr(scheme)}" if scheme else ""
    return f"<{name}{attribute}>{escape(_UNWRITABLE.sub(chr(0xFFFD), str(told)))}</{name}>"


def header(sender: str, receiver: str, *, authentication: str | None = None) -> dict[str, Any]:
    """The header of a message or an answer: from which agency to which, with a proof where one is agreed upon."""
    told: dict[str, Any] = {"FromAgencyId": {"AgencyId": sender}}
    if authentication is not None:
        told["FromAgencyAuthentication"] = authentication
    return told | {"ToAgencyId": {"AgencyId": receiver}}


def identifier(of: str, value: str, *, agency: str | None = None, kind: str | None = None) -> dict[str, Any]:
    """A UserId, ItemId or RequestId (`of`: User, Item or Request) of an agency, of a kind where there are several."""
    told: dict[str, Any] = {} if agency is None else {"AgencyId": agency}
    if kind is not None:
        told[f"{of}IdentifierType"] = kind
    return told | {f"{of}IdentifierValue": value}
