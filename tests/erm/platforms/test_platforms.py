"""Platforms: whose a domain is, and what they may be told."""

import asyncio

from support.knowing import Knowledge


async def test_a_domain_is_of_one_platform_in_use(kb: Knowledge) -> None:
    body = {"code": "q", "name": "Other", "domains": ["q.example", "p.example"]}
    refused = await kb.erm.post("/v1/platforms", json=body)
    assert await kb.codes(refused, 409) == ["domain-taken"]

    old = {"code": "p", "name": "Example Platform", "domains": ["p.example"], "state": "retired"}
    await kb.put(f"/v1/platforms/{kb.platform['id']}", old, 1)
    assert (await kb.post("/v1/platforms", body))["domains"] == ["p.example", "q.example"]


async def test_two_at_once_do_not_share_a_domain(kb: Knowledge) -> None:
    bodies = [{"code": code, "name": code, "domains": ["x.example"]} for code in ("a", "b", "c")]

    answers = await asyncio.gather(*(kb.erm.post("/v1/platforms", json=body) for body in bodies))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]


async def test_a_stale_or_blind_change_is_refused(kb: Knowledge) -> None:
    body = {"code": "p", "name": "New name"}
    path = f"/v1/platforms/{kb.platform['id']}"

    assert (await kb.put(path, body, 1))["name"] == "New name"
    await kb.put(path, body, 1, expect=412)
    assert (await kb.erm.put(path, json=body)).status_code == 428


async def test_what_leads_astray_is_no_template(kb: Knowledge) -> None:
    for wrong in (
        {"link_templates": ["https://{doi}/x"]},
        {"link_templates": ["javascript:alert(1)"]},
        {"proxy_prefix": "javascript:x"},
        {"domains": ["not a domain"]},
        {"provider_id": kb.platform["id"]},
    ):
        answer = await kb.erm.post("/v1/platforms", json={"code": "w", "name": "W"} | wrong)
        assert answer.status_code == 422, (wrong, answer.text)
