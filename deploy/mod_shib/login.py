#!/usr/bin/env python3
"""Lead whoever mod_shib has signed in to Carrel's gateway: a CGI program behind Apache (docs/sign-on.md).

It reads what mod_shib says from the environment, which no browser can write to, and asks the gateway in its own name
with a proof over it. Only the standard library is needed. Environment, set by Apache's SetEnv:

CARREL_SHIB_KEY         the gateway's setting GATEWAY_SHIB_KEY
CARREL_GATEWAY          where it answers, `127.0.0.1:8000` where left out
CARREL_SHIB_ATTRIBUTES  variables to pass on, with commas; those of mod_shib's own map where left out
"""

import hashlib
import hmac
import http.client
import os
import secrets
import sys
import time
from collections.abc import Mapping
from typing import BinaryIO
from urllib.parse import quote

FIXED = (
    "Shib-Session-ID",
    "Shib-Identity-Provider",
    "Shib-Authentication-Instant",
    "Shib-AuthnContext-Class",
)
ATTRIBUTES = "pairwise-id,subject-id,persistent-id,eppn,affiliation,entitlement,assurance,displayName,givenName,sn,mail"


def headers_of(environment: Mapping[str, str], *, now: float, nonce: str) -> dict[str, bytes]:
    """What mod_shib says, by small letters and dashes, and the proof."""
    wanted = (*FIXED, *environment.get("CARREL_SHIB_ATTRIBUTES", ATTRIBUTES).split(","))
    told = {name.lower().replace("_", "-"): environment[name] for name in wanted if environment.get(name)}
    lines = ["carrel-shib-1", str(int(now)), nonce, *(f"{name}:{told[name]}" for name in sorted(told))]
    covered = ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")
    mac = hmac.new(environment["CARREL_SHIB_KEY"].encode(), covered, hashlib.sha256).hexdigest()
    sent = {name: value.encode("utf-8", "surrogateescape") for name, value in told.items()}
    return {**sent, "lib-shib-proof": f"t={int(now)},n={nonce},mac={mac}".encode()}


def lead(environment: Mapping[str, str], out: BinaryIO) -> None:
    """Ask the gateway, and hand its answer to the browser."""
    headers = headers_of(environment, now=time.time(), nonce=secrets.token_urlsafe(24))
    accepts = environment.get("HTTP_ACCEPT", "text/html").encode()
    connection = http.client.HTTPConnection(environment.get("CARREL_GATEWAY", "127.0.0.1:8000"), timeout=30)
    query = environment.get("QUERY_STRING", "")
    path = "/login/shib" + (f"?{quote(query, safe='=&%+/-_.~')}" if query else "")
    connection.request("GET", path, headers={**headers, "accept": accepts})
    answer = connection.getresponse()
    body = answer.read()
    lines = [f"Status: {answer.status} {answer.reason}"]
    for name in ("Location", "Set-Cookie", "Content-Type", "Cache-Control", "Content-Security-Policy"):
        lines += [f"{name}: {value}" for value in answer.headers.get_all(name, [])]
    out.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)


if __name__ == "__main__":
    lead(os.environ, sys.stdout.buffer)
