"""Kinds of values in the document of signing in."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gateway.saml.rules import safe_return
from gateway.saml.signatures import certificate_of

NAME = r"^[a-z][a-z0-9-]{0,59}$"
LONGEST_METADATA = 2_000_000


def _address(told: str) -> str:
    try:
        parts = urlsplit(told)
        port = parts.port
    except ValueError:
        raise ValueError("it is no address") from None
    plain = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not (parts.scheme == "https" or plain) or not parts.hostname or port == 0 or parts.username:
        raise ValueError("an https address is wanted (http only on this machine)")
    if parts.query or parts.fragment or not told.isascii() or not told.isprintable() or " " in told:
        raise ValueError("an address without query and fragment is wanted")
    return told.rstrip("/")


def _exact(told: str) -> str:
    _address(told)
    return told


def _origin(told: str) -> str:
    if urlsplit(_address(told)).path:
        raise ValueError("scheme, host and port alone make an origin")
    return told.rstrip("/")


def _path(told: str) -> str:
    if safe_return(told, start="", origins=frozenset()) != told:
        raise ValueError("a path of the gateway is wanted, such as /sign-in")
    return told


def _certificate(told: str) -> str:
    try:
        return certificate_of(told).decode()
    except Exception as error:
        raise ValueError(f"it is no certificate that can be used: {error}") from None


def _xml_text(told: str) -> str:
    if any(ord(letter) < 32 or 0xD800 <= ord(letter) < 0xE000 for letter in told):
        raise ValueError("a text without control characters is wanted")
    return told


Address = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_address)]
ExactAddress = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_exact)]
"""An address that is a name, too: a slash at its end belongs to it."""
Origin = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_origin)]
FetchUrl = Annotated[str, Field(max_length=1000, pattern=r"^https?://[\x21-\x7e]+$")]
Certificate = Annotated[str, Field(max_length=20_000), AfterValidator(_certificate)]
EntityId = Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[\x21-\x7e]+$")]
Text = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_xml_text)]
Scope = Annotated[str, Field(pattern=r"^[a-z0-9.-]{1,255}$")]
Web = Annotated[str, Field(max_length=1000, pattern=r"^https?://[\x21-\x7e]+$")]
Texts = Annotated[
    dict[Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{1,8})*$")], Text], Field(max_length=40)
]


class Strict(BaseModel):
    """Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


Path = Annotated[str, Field(max_length=500), AfterValidator(_path)]
