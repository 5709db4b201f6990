"""What a launch wants, whom it speaks of, and what is put into a course."""

from dataclasses import replace
from uuid import UUID

import pytest
from pydantic import ValidationError

from gateway.lti.documents import LtiPlatformDoc
from gateway.lti.rendering import WORDING, policy
from gateway.lti.rosters import roles_of
from gateway.lti.rules import (
    MOST_TITLES,
    Chosen,
    Deployment,
    Platform,
    Settings,
    attributes_in,
    content_items,
    settings_of,
    titles_in,
)
from gateway.signon.rules import foreign_scopes
from support.lms import CLAIM, DEEP, LEARNER, STUDENT, TEACHER, Lms

OURS = "https://library.test"
A, B = UUID(int=1), UUID(int=2)
PLATFORM = Platform(
    A,
    "https://lms.test",
    "tool",
    "Moodle",
    "https://lms.test/auth",
    "https://lms.test/token",
    "https://lms.test/jwks",
    None,
    ("https://lms.test",),
    (Deployment("1", "LAW"),),
    {
        "email": "mail",
        "family_name": "family-name",
        "lis.person_sourcedid": "eppn",
        "ext.user_username": "card-number",
    },
    ("campus.test",),
)
SETTINGS = Settings("https://lms.test/return", ("ltiResourceLink", "link"), True, "data")


@pytest.mark.parametrize(
    ("url", "titles"),
    [
        (f"{OURS}/lti/launch", ()),
        (f"{OURS}/lti/titles/{A}", (A,)),
        (f"{OURS}/lti/titles/{A},{B}", (A, B)),
        (f"{OURS}/lti/titles/", None),
        (f"{OURS}/lti/titles/{A},", None),
        (f"{OURS}/lti/titles/{A}/x", None),
        (f"{OURS}/lti/titles/{str(A).upper()}".replace("0001", "000A"), None),
        (f"{OURS}/lti/titles/{{{A}}}", None),
        (f"{OURS}/lti/titles/" + ",".join([str(A)] * (MOST_TITLES + 1)), None),
        (f"{OURS}/lti/launch?next=//evil.test", None),
        (f"{OURS}.evil.test/lti/launch", None),
        (f"https://x@library.test/lti/titles/{A}", None),
        ("http://library.test/lti/launch", None),
        (None, None),
        (7, None),
    ],
)
def test_a_link_leads_to_titles_of_ours_or_nowhere(url: object, titles: tuple[UUID, ...] | None) -> None:
    assert titles_in(url, OURS) == titles


def test_who_somebody_is_comes_from_the_platform_and_never_from_what_a_teacher_may_write() -> None:
    claims = {
        "email": "m@campus.test",
        "email_verified": False,
        "family_name": "Curie",
        f"{CLAIM}lis": {"person_sourcedid": "marie@campus.test"},
        f"{CLAIM}ext": {"user_username": "4711"},
        f"{CLAIM}custom": {"person_sourcedid": "rector@campus.test", "user_username": "1"},
    }

    assert attributes_in(claims, [STUDENT, LEARNER], PLATFORM) == {
        "family-name": ("Curie",),
        "eppn": ("marie@campus.test",),
        "card-number": ("4711",),
        "affiliation": ("student@campus.test",),
    }
    with pytest.raises(ValidationError, match="custom parameters say nothing of a person"):
        LtiPlatformDoc.model_validate(Lms().document(attributes={"custom.card": "card-number"}))
    with pytest.raises(ValidationError, match="a claim may stand for one of"):
        LtiPlatformDoc.model_validate(Lms().document(attributes={"ext.roles": "entitlement"}))


def test_a_role_in_a_course_is_no_place_at_the_institution() -> None:
    assert "affiliation" not in attributes_in({}, [TEACHER, LEARNER], PLATFORM)
    bare = attributes_in({}, [STUDENT], replace(PLATFORM, scopes=()))
    assert bare["affiliation"] == ("student",)
    foreign = attributes_in({f"{CLAIM}lis": {"person_sourcedid": "x@evil.test"}}, [], PLATFORM)
    assert foreign_scopes(foreign, PLATFORM.scopes)


@pytest.mark.parametrize(
    ("change", "usable"),
    [
        ({}, True),
        ({"data": None, "accept_multiple": "true"}, True),
        ({"deep_link_return_url": "javascript:alert(1)"}, False),
        ({"deep_link_return_url": "https://user@lms.test/"}, False),
        ({"deep_link_return_url": "https://[lms.test/"}, False),
        ({"deep_link_return_url": "https://lms.test/a b"}, False),
        ({"deep_link_return_url": 7}, False),
        ({"accept_types": "link"}, False),
        ({"data": {"a": 1}}, False),
    ],
)
def test_where_content_is_chosen_for_must_be_said_clearly(change: dict[str, object], usable: bool) -> None:
    told = {"deep_link_return_url": "https://lms.test/r", "accept_types": ["link", 7], "data": "x", **change}
    found = settings_of({f"{DEEP}deep_linking_settings": told})

    assert (found is not None) == usable
    if found is not None:
        assert found.accept_types == ("link",)


def test_titles_become_links_one_by_one_or_one_list() -> None:
    chosen = [Chosen(A, "Walden", "Thoreau"), Chosen(B, "Emma")]
    one, two = f"{OURS}/lti/titles/{A}", f"{OURS}/lti/titles/{B}"

    assert content_items(chosen, SETTINGS, ours=OURS, name=None) == [
        {"type": "ltiResourceLink", "title": "Walden", "text": "Thoreau", "url": one},
        {"type": "ltiResourceLink", "title": "Emma", "url": two},
    ]
    assert content_items(chosen, SETTINGS, ours=OURS, name="Week 1") == [
        {"type": "ltiResourceLink", "title": "Week 1", "text": "Walden; Emma", "url": f"{one},{B}"}
    ]
    plain = content_items(chosen, replace(SETTINGS, accept_types=("link",)), ours=OURS, name=None)
    assert [each["url"] for each in plain] == [f"{OURS}/titles/{A}", f"{OURS}/titles/{B}"]


def test_roles_by_their_last_part() -> None:
    assert roles_of([TEACHER, LEARNER, "Learner", 7, "with space"]) == ["Instructor", "Learner"]


def test_a_page_is_framed_by_those_named_and_by_nobody_else() -> None:
    assert "frame-ancestors 'none';" in policy(())
    assert "script-src" not in policy(())
    framed = policy(["https://lms.test"], script="asking.js", sends_to=["https://lms.test"])
    assert "form-action 'self' https://lms.test; frame-ancestors https://lms.test;" in framed


def test_every_word_is_said_in_every_language() -> None:
    keys = {name: set(words) for name, words in WORDING.by_language.items()}

    assert keys["en"] == keys["de"] == keys["fr"]
    assert all(said.strip() for words in WORDING.by_language.values() for said in words.values())
