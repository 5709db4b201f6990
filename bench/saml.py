"""What judging a SAML response costs, against python3-saml alone on the same bytes.

    .venv/bin/python bench/saml.py [--responses 300]

Processor time of one thread, each response parsed, its signature verified and its assertion judged anew; the peer with
settings made for each response, as its own `Auth` does, and with settings made once. We decrypt ourselves and ask
python3-saml as the second of two readers, so that this cannot come under 1.
"""

import argparse
import base64
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from lxml import etree
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings

from gateway.saml.providers import IdentityProvider
from gateway.saml.responses import believed, core_settings
from gateway.saml.rules import Expected
from gateway.saml.signatures import Credential
from support.campus import (
    ACS,
    AFFILIATION,
    MAIL,
    PAIRWISE,
    US,
    Asked,
    Campus,
    Says,
    assertion,
    encrypted,
    honest,
    pair,
    response,
    signed,
)

REQUEST = "_request"
ATTRIBUTES = (
    (PAIRWISE, ("AB12@campus.test",)),
    (AFFILIATION, ("member@campus.test", "student@campus.test")),
    (MAIL, ("someone@campus.test",)),
)


def cost(act: Callable[[bytes], Any], told: list[bytes]) -> float:
    """Seconds of processor time for each."""
    act(told[0])
    began = time.process_time()
    for each in told:
        act(each)
    return (time.process_time() - began) / len(told)


def main() -> None:
    """Measure, and print a line for each."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--responses", type=int, default=300)
    number = asked.parse_args().responses
    campus, ours = Campus(), pair("us")
    provider = IdentityProvider(campus.entity_id, (campus.key.certificate,), campus.sso, scopes=campus.scopes)
    expected = Expected(REQUEST, ACS, US, campus.entity_id, frozenset(campus.scopes), timedelta(minutes=3))
    credential = Credential("us", ours.private, ours.certificate)
    now = datetime.now(UTC)
    request = Asked(REQUEST, ACS, US, "", etree.Element("none"), "")

    def says() -> Says:
        return Says(campus.entity_id, request, ATTRIBUTES, now=now, in_response_to=REQUEST)

    plain = [honest(says(), campus.key) for _ in range(number)]
    closed = []
    for _ in range(number):
        said = says()
        inside = etree.tostring(signed(etree.fromstring(assertion(said)), campus.key))
        closed.append(response(said, encrypted(inside, ours.certificate)))

    def judged(raw: bytes) -> None:
        assert believed(raw, expected, provider, [credential], {}, now=now).attributes

    http = {
        "https": "on",
        "http_host": "library.test",
        "script_name": "/saml/acs",
        "get_data": {},
        "post_data": {},
    }
    once = OneLogin_Saml2_Settings(core_settings(expected, provider), sp_validation_only=True)

    def bare(raw: bytes, settings: OneLogin_Saml2_Settings | None = None) -> None:
        settings = settings or OneLogin_Saml2_Settings(
            core_settings(expected, provider), sp_validation_only=True
        )
        told = OneLogin_Saml2_Response(settings, base64.b64encode(raw).decode())
        told.is_valid(http, request_id=REQUEST, raise_exceptions=True)
        assert told.get_attributes()

    peer, kept = cost(bare, plain), cost(lambda raw: bare(raw, once), plain)
    for name, told in (("signed", plain), ("signed and encrypted", closed)):
        each = cost(judged, told)
        print(
            f"{name}: {each * 1e3:.2f} ms a response; python3-saml alone on a signed one {peer * 1e3:.2f} ms "
            f"({each / peer:.2f}), its settings kept {kept * 1e3:.2f} ms ({each / kept:.2f})"
        )


if __name__ == "__main__":
    main()
