"""Every operation of the committed document, asked by everybody: who gets past the door, and who does not."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.roles.rules import ROLES, SCOPES
from support.front import OPERATOR, Front, bearer

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"
WORD = "correct horse battery"
NO_ONE = "01890000-0000-7000-8000-00000000dead"

PUBLIC = {
    # who asks, and with what
    "gateway-jwks",
    "gateway-token",
    "gateway-sign-in",
    "gateway-who-am-i",
    "gateway-read-saml-metadata",
    "gateway-authorization-server",
    "gateway-revoke-token",
    "gateway-introspect-token",
    "gateway-push-authorization-request",
    "gateway-authorize-device",
    # a stranger's machine works for a second budget
    "gateway-read-work",
    "gateway-give-guard-pass",
    # a browser on its way to a campus and back; each shows what it has by itself
    "gateway-begin-saml-sign-in",
    "gateway-end-saml-sign-in",
    "gateway-choose-institution",
    "gateway-begin-oidc-sign-in",
    "gateway-end-oidc-sign-in",
    "gateway-end-sessions-of-oidc",
    "gateway-begin-cas-sign-in",
    "gateway-end-cas-sign-in",
    "gateway-end-session-of-cas",
    "gateway-sign-in-by-headers",
    "gateway-begin-passkey-sign-in",
    "gateway-sign-in-by-passkey",
    "gateway-paia-login",
    "gateway-paia-logout",
    "gateway-paia-change",
    "gateway-show-sign-in",
    "gateway-sign-out",
    "gateway-saml-logout-by-redirect",
    "gateway-saml-logout-by-form",
    "gateway-saml-logout-by-call",
    "gateway-read-session",
    "gateway-end-session",
    "gateway-show-local-sign-in",
    "gateway-sign-in-locally",
    # a frame in a learning management system: each page shows what it has by itself
    "gateway-lti-jwks",
    "gateway-begin-launch",
    "gateway-begin-launch-by-form",
    "gateway-end-launch",
    "gateway-open-titles-outside",
    "gateway-search-on-visit",
    "gateway-show-title-on-visit",
    "gateway-place-hold-on-visit",
    "gateway-send-choice",
    "gateway-show-lti-registration",
    "gateway-register-at-lti-platform",
    # a browser in which somebody lets a program act for them; the forms are the session's own
    "gateway-authorize",
    "gateway-decide-authorization",
    "gateway-show-device",
    "gateway-let-device-in",
    # what stands in the library, and whether it is in
    "catalog-search",
    "catalog-read-title",
    "catalog-list-holdings",
    "catalog-read-holdings",
    "catalog-list-items",
    "catalog-read-item",
    "catalog-read-cover",
    "catalog-find-cover",
    "catalog-browse-shelf",
    "catalog-read-record-number",
    "catalog-browse-headings",
    "catalog-read-relations",
    "catalog-find-works",
    "catalog-read-work",
    "catalog-read-work-of",
    "catalog-list-locations",
    "catalog-read-location",
    "catalog-index-state",
    "catalog-harvest",
    "catalog-harvest-by-form",
    "catalog-search-retrieve",
    "catalog-search-retrieve-by-form",
    "catalog-unapi",
    # where something is to be read
    "erm-resolve-openurl",
    "catalog-front",
    "catalog-results",
    "catalog-browse-page",
    "catalog-title-page",
    "catalog-title-links",
    "catalog-describe-search",
    "catalog-results-feed",
    "catalog-results-as-rss",
    "catalog-robots",
    "catalog-sitemap-index",
    "catalog-sitemap",
    "catalog-shelves",
    "catalog-publications",
    "catalog-publication",
    "catalog-blank-cover",
    "circulation-batch",
    "circulation-of-title",
    "circulation-list-service-points",
    "circulation-read-matrix",
    # a partner proves itself within the message
    "ill-take-message",
    "ill-fetch-by-link",
}
"""Strangers are let in: reading the catalogue and its availability, and saying who one is."""

IDENTIFYING = {
    "gateway-token",
    "gateway-sign-in",
    "gateway-push-authorization-request",
    "gateway-authorize-device",
    "gateway-paia-login",
    "gateway-paia-logout",
    "gateway-paia-change",
}
"""Where an empty request is refused for saying nothing of who one is, and not for want of a scope."""

OWN = {
    "circulation-get-patron",
    "circulation-get-account",
    "circulation-get-loan",
    "circulation-renew",
    "circulation-renew-several",
    "circulation-list-proxies",
    "circulation-list-sponsors",
    "circulation-list-consents",
    "circulation-list-guarantors",
    "circulation-list-wards",
    "circulation-read-card-pin",
    "circulation-get-hold",
    "circulation-place-hold",
    "circulation-cancel-hold",
    "circulation-list-cancellation-reasons",
    "circulation-list-slots",
    "circulation-book-appointment",
    "circulation-move-appointment",
    "circulation-cancel-appointment",
    "circulation-arrive",
    "circulation-get-appointment",
    "circulation-list-appointments",
    "circulation-change-hold",
    "circulation-suspend-hold",
    "circulation-resume-hold",
    "circulation-list-pickup-points",
    "circulation-get-fee",
    *(
        INTERLIBRARY := {
            "ill-place-request",
            "ill-list-requests",
            "ill-get-request",
            "ill-change-request",
            "ill-explain-actions",
            "ill-act-on-request",
            "ill-list-steps",
            "ill-fetch-document",
        }
    ),
    "circulation-get-automatic-renewals",
    # readers say what they think of a database on trial
    *(ON_TRIAL := {"erm-read-trial-form", "erm-say-of-trial"}),
    *(
        IN_PERSON := {
            "gateway-list-own-requests",
            "gateway-list-consents",
            "gateway-withdraw-consent",
            "gateway-read-second-factors",
            "gateway-begin-authenticator-app",
            "gateway-confirm-authenticator-app",
            "gateway-remove-authenticator-app",
            "gateway-renew-recovery-codes",
            "gateway-change-own-password",
            "gateway-begin-passkey",
            "gateway-keep-passkey",
            "gateway-list-passkeys",
            "gateway-drop-passkey",
        }
    ),
}
"""Patrons are let in as far as their own loans, holds and fees; of others' there is nothing to be seen."""

THEIRS_TO_CHANGE = {
    "circulation-set-automatic-renewals",
    "circulation-revoke-proxy",
    "circulation-change-patron",
    "circulation-set-consent",
    "circulation-share-account",
    "circulation-set-card-pin",
}
"""Of their own registration patrons change this; for others it takes patrons:write, which the desk has not."""

ID_LISTS = {
    "catalog-ask-id-list",
    "catalog-list-id-lists",
    "catalog-read-id-list",
    "catalog-read-ids",
    "catalog-drop-id-list",
}
"""Their own, whoever may read titles."""

MIGRATED = {"catalog-list-migrated-titles", "catalog-list-migrated-items"}
"""What a title was known by in another system, whoever may read titles."""

DESK = (
    ((OWN - INTERLIBRARY) - ON_TRIAL)
    | ID_LISTS
    | MIGRATED
    | {
        "circulation-list-migrated-patrons",
        "circulation-list-migrated-loans",
        "circulation-list-migrated-holds",
        "circulation-list-migrated-fees",
        "catalog-fast-add",
        "circulation-list-merges",
        "circulation-list-blocks",
        "circulation-list-transits",
        "circulation-cancel-transit",
        "circulation-shelving-cart",
        "circulation-shelve",
        "circulation-list-uses",
        "circulation-count-uses",
        "catalog-list-label-templates",
        "catalog-print-labels",
        "circulation-open-desk-session",
        "circulation-read-desk-session",
        "circulation-end-desk-session",
        "circulation-move-hold",
        "circulation-stage-appointment",
        "circulation-deliver-appointment",
        "circulation-print-new-slips",
        "circulation-list-slip-prints",
        "circulation-read-slip-print",
        "circulation-create-hold-group",
        "circulation-list-hold-groups",
        "circulation-get-hold-group",
        "circulation-change-hold-group",
        "circulation-list-hold-group-members",
        "circulation-put-hold-group-member",
        "circulation-remove-hold-group-member",
        "circulation-order-for-hold-group",
        "circulation-list-hold-group-orders",
        "circulation-list-hold-group-results",
        "circulation-pick-list",
        "circulation-read-queue",
        "circulation-reorder-queue",
        "circulation-shelf-clearance",
        "catalog-export-titles",
        "circulation-check-out",
        "circulation-keep-at-desk",
        "circulation-hand-out-again",
        "circulation-list-kept",
        "circulation-check-out-pile",
        "circulation-take-back-pile",
        "circulation-claim-returned",
        "circulation-close-drawer",
        "circulation-declare-lost",
        "circulation-explain-rules",
        "circulation-fee-actions",
        "circulation-fee-ledger",
        "circulation-get-drawer",
        "circulation-list-drawers",
        "circulation-list-fees",
        "circulation-list-holds",
        "circulation-read-hold-override",
        "circulation-list-loans",
        "circulation-list-patron-groups",
        "circulation-list-patrons",
        "circulation-open-drawer",
        "circulation-pay",
        "circulation-pay-fees",
        "circulation-resolve-claim",
        "circulation-take-back",
        "catalog-read-withdrawal",
    }
)
CATALOGUER = (
    IN_PERSON
    | ID_LISTS
    | MIGRATED
    | {
        "catalog-export-titles",
        "catalog-create-title",
        "catalog-change-title",
        "catalog-replace-title",
        "catalog-list-versions",
        "catalog-read-history",
        "catalog-compare-versions",
        "catalog-restore-version",
        "catalog-read-losses",
        "catalog-list-templates",
        "catalog-begin-record",
        "catalog-write-template",
        "catalog-delete-template",
        "catalog-list-macros",
        "catalog-read-macro",
        "catalog-write-macro",
        "catalog-delete-macro",
        "catalog-try-macro",
        "catalog-do-macro",
        "catalog-apply-macro",
        "catalog-list-fixed-fields",
        "catalog-read-fixed-field",
        "catalog-take-fixed-field-apart",
        "catalog-put-fixed-field-together",
        "catalog-fast-add",
        "catalog-list-fast-additions",
        "catalog-list-specifications",
        "catalog-read-specification",
        "catalog-read-rules",
        "catalog-validate-record",
        "catalog-validate-title",
        "catalog-merge-titles",
        "catalog-merge-works",
        "catalog-split-work",
        "catalog-list-work-decisions",
        "catalog-undo-work-decision",
        "catalog-delete-title",
        "catalog-undelete-title",
        "catalog-list-deleted-titles",
        "catalog-change-holdings",
        "catalog-delete-holdings",
        "catalog-undelete-holdings",
        "catalog-move-holdings",
        "catalog-describe-holdings",
        "catalog-create-described-holdings",
        "catalog-undescribe-holdings",
        "catalog-move-items",
        "catalog-arrange-items",
        "catalog-read-item-history",
        "catalog-restore-item",
        "catalog-read-holdings-history",
        "catalog-restore-holdings",
        "catalog-write-cover",
        "catalog-delete-cover",
        "catalog-list-label-templates",
        "catalog-print-labels",
        "catalog-create-holdings",
        "catalog-create-item",
        "catalog-change-item",
        "catalog-request-withdrawal",
        "catalog-read-withdrawal",
        "catalog-create-import",
        "catalog-list-imports",
        "catalog-read-import",
        "catalog-cancel-import",
        "catalog-list-outcomes",
        "catalog-read-outcome",
        "catalog-list-targets",
        "catalog-search-targets",
        "catalog-read-found-record",
        "catalog-import-found-record",
        "catalog-rerun-import",
        "catalog-undo-import",
        "catalog-read-undoing",
        "catalog-list-undoing-outcomes",
        "catalog-list-profiles",
        "catalog-read-profile",
        "catalog-read-original",
        "catalog-ask-export",
        "catalog-list-exports",
        "catalog-read-export",
        "catalog-read-export-content",
        "catalog-list-export-titles",
        "catalog-cancel-export",
        "catalog-list-export-schedules",
        "catalog-read-export-schedule",
        "catalog-write-export-schedule",
        "catalog-delete-export-schedule",
        "catalog-run-export-schedule",
        "catalog-ask-link-check",
        "catalog-list-link-checks",
        "catalog-read-link-check",
        "catalog-list-checked-links",
        "catalog-cancel-link-check",
        "catalog-list-links",
        "catalog-list-links-of-title",
        "catalog-replace-link",
        "catalog-list-link-check-schedules",
        "catalog-read-link-check-schedule",
        "catalog-write-link-check-schedule",
        "catalog-delete-link-check-schedule",
        "catalog-run-link-check-schedule",
        "catalog-list-query-fields",
        "catalog-preview-query",
        "catalog-create-list",
        "catalog-list-lists",
        "catalog-read-list",
        "catalog-change-list",
        "catalog-drop-list",
        "catalog-change-list-members",
        "catalog-renew-list",
        "catalog-list-list-members",
        "catalog-read-list-content",
        "catalog-ask-bulk-edit",
        "catalog-list-bulk-edits",
        "catalog-read-bulk-edit",
        "catalog-list-bulk-edit-records",
        "catalog-read-bulk-edit-sheet",
        "catalog-confirm-bulk-edit",
        "catalog-pause-bulk-edit",
        "catalog-resume-bulk-edit",
        "catalog-cancel-bulk-edit",
        "catalog-undo-bulk-edit",
    }
)


def operations() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Name, method, path with nobody's ids in it, and the operation."""
    for path, methods in json.loads(DOCUMENT.read_text())["paths"].items():
        for method, operation in methods.items():
            yield operation["operationId"], method.upper(), re.sub(r"{[^}]*}", NO_ONE, path), operation


ALL = {name for name, *_ in operations()}


async def answers(gateway: Front, headers: dict[str, str]) -> dict[str, int]:
    """How each operation answers to an empty request; there are more of them than anybody's budget of a minute."""
    unbounded = await gateway.put("/v1/configuration/budgets", json={"patron": 0}, headers=bearer(OPERATOR))
    assert unbounded.status_code == 200, unbounded.text
    await gateway.app.state.entrance.budgets.read()
    told = {}
    for name, method, path, operation in operations():
        media = next(iter(operation.get("requestBody", {}).get("content", {})), None)
        content = b"{}" if media and "json" in media else b""
        kind = {} if media is None else {"Content-Type": media}
        once = {"Idempotency-Key": name, "If-Match": '"1"'}
        answer = await gateway.client.request(
            method, path, headers={**once, **kind, **headers}, content=content
        )
        assert answer.status_code < 500, (name, answer.text)
        assert answer.status_code != 429, "a spent budget hides who may"
        told[name] = answer.status_code
    return told


def shut_out(told: dict[str, int]) -> set[str]:
    return {name for name, status in told.items() if status in (401, 403)}


async def signed_in(gateway: Front, role: str) -> dict[str, str]:
    patron = {"patron_id": NO_ONE[:-4] + "beef"} if role == "patron" else {}
    await gateway.account(role, WORD, role, **patron)
    answer = await gateway.client.post("/v1/sessions", json={"username": role, "password": WORD})
    return bearer(answer.json()["access_token"])


async def test_strangers_read_the_catalogue_and_nothing_else(whole: Front) -> None:
    told = await answers(whole, {})

    assert shut_out(told) - IDENTIFYING == ALL - PUBLIC
    assert {told[name] for name in ALL - PUBLIC} == {401}


@pytest.mark.parametrize(
    ("role", "may"),
    [("patron", OWN | THEIRS_TO_CHANGE), ("desk", DESK), ("cataloguer", CATALOGUER)],
)
async def test_each_role_gets_in_where_its_work_is_and_nowhere_else(
    whole: Front, role: str, may: set[str]
) -> None:
    told = await answers(whole, await signed_in(whole, role))

    closed = shut_out(told) - IDENTIFYING
    let_in = ALL - PUBLIC - closed
    assert (sorted(let_in - may), sorted(may - let_in)) == ([], [])
    assert {told[name] for name in closed} <= {403}


@pytest.mark.parametrize("role", ["administrator", None], ids=["administrator", "operator's key"])
async def test_administrators_are_shut_out_of_nothing(whole: Front, role: str | None) -> None:
    told = await answers(whole, await signed_in(whole, role) if role else bearer(OPERATOR))

    assert shut_out(told) <= IDENTIFYING | (IN_PERSON if role is None else set())


async def test_a_token_for_nothing_opens_no_more_than_none_at_all(whole: Front) -> None:
    await whole.account("nobody", WORD)
    answer = await whole.client.post("/v1/sessions", json={"username": "nobody", "password": WORD})

    told = await answers(whole, bearer(answer.json()["access_token"]))

    assert ALL - PUBLIC - shut_out(told) == IN_PERSON


async def test_metrics_are_for_operators(whole: Front) -> None:
    asked = [{}, await signed_in(whole, "desk"), await signed_in(whole, "operator")]

    assert [(await whole.get("/metrics", headers=headers)).status_code for headers in asked] == [
        401,
        403,
        200,
    ]


async def test_health_and_documents_are_for_everybody(whole: Front) -> None:
    for path in ("/health/live", "/health/ready", "/docs", "/developers", "/openapi.json", "/asyncapi.json"):
        assert (await whole.get(path)).status_code == 200, path


def test_every_scope_that_a_role_grants_can_be_given_to_a_machine() -> None:
    granted = {scope for scopes in ROLES.values() for scope in scopes} - {"*"}

    assert granted <= SCOPES
    assert all(re.fullmatch(r"[a-z-]+:[a-z]+", scope) for scope in SCOPES)
