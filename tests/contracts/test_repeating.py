"""Whatever a POST of circulation writes may be sent again with its key: no operation forgot to take one."""

import json

from support.pages import ROOT

KEYLESS = {
    "/v1/availability:batch": "a question",
    "/v1/questions:ask": "a question",
    "/v1/availability:announce": "says what is, as often as one likes",
    "/v1/card-pins/verifications": "each is one more guess, and counts",
    "/v1/patrons/{patron_id}/card-pin/unlockings": "what is open stays open",
    "/ncip": "NCIP knows no such key: each act is done once by its request, its loan or its day",
}


def test_every_post_takes_a_key_but_what_may_be_repeated_without() -> None:
    paths = json.loads((ROOT / "docs" / "openapi.json").read_text())["paths"]
    posts = {
        path: json.dumps(calls["post"].get("parameters", []))
        for path, calls in paths.items()
        if calls.get("post", {}).get("operationId", "").startswith("circulation-")
    }

    assert {path for path, told in posts.items() if "idempotency" not in told.lower()} == KEYLESS.keys()
    assert len(posts) > 60
