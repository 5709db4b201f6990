"""ONIX-PL in our terms: codes as EDItEUR's lists have them, the stricter of two, and nothing lost without a word."""

import pytest

from chassis.markup import NotXml
from erm.onixpl.reading import licences
from erm.onixpl.rules import LicenceRead, TermRead, day_of, joined

HEAD = '<ONIXPublicationsLicenseMessage xmlns="http://www.editeur.org/onix-pl" version="1.0">'


def message(*usages: str, rest: str = "") -> bytes:
    return (
        f"{HEAD}<PublicationsLicenseExpression><LicenseDetail><Description>Rivers</Description></LicenseDetail>"
        f"<UsageTerms>{''.join(usages)}</UsageTerms>{rest}</PublicationsLicenseExpression>"
        "</ONIXPublicationsLicenseMessage>"
    ).encode()


def usage(kind: str, status: str, rest: str = "") -> str:
    return (
        f"<Usage><UsageType>onixPL:{kind}</UsageType><UsageStatus>onixPL:{status}</UsageStatus>{rest}</Usage>"
    )


def one(*usages: str, rest: str = "") -> LicenceRead:
    (found,) = licences(message(*usages, rest=rest))
    return found


FAX = "<UsageMethod>onixPL:Fax</UsageMethod>"


@pytest.mark.parametrize(
    ("told", "uses"),
    [
        (usage("SupplyCopy", "Permitted", FAX), {"ill-print": "permitted"}),
        (
            usage(
                "SupplyCopy", "Prohibited", FAX + "<UsageMethod>onixPL:ElectronicTransmission</UsageMethod>"
            ),
            {"ill-print": "prohibited", "ill-electronic": "prohibited"},
        ),
        (usage("UseForDataMining", "InterpretedAsPermitted"), {"text-and-data-mining": "interpreted"}),
        (usage("UseForDataMining", "InterpretedAsProhibited"), {"text-and-data-mining": "prohibited"}),
        (usage("UseForDataMining", "SilentUninterpreted"), {"text-and-data-mining": "silent"}),
        (usage("Use", "Permitted", "<User>onixPL:WalkInUser</User>"), {"walk-in-users": "permitted"}),
        (usage("UseForDataMining", "NotApplicable"), {}),
        (usage("Sell", "Prohibited"), {}),
        (usage("SupplyCopy", "Permitted"), {}),
    ],
)
def test_a_usage_is_a_term_where_all_that_makes_it_one_is_there(told: str, uses: dict[str, str]) -> None:
    assert {term: said.use for term, said in one(told).terms.items()} == uses


def test_what_is_not_understood_is_told_by_its_path() -> None:
    found = one(
        usage("Sell", "Prohibited"),
        usage(
            "UseForDataMining",
            "Permitted",
            "<UsageRelatedPlace><RelatedPlace>Moon</RelatedPlace></UsageRelatedPlace>",
        ),
        rest="<PaymentTerms><PaymentTerm><PaymentTermType>onixPL:X</PaymentTermType></PaymentTerm></PaymentTerms>",
    )

    assert [
        (loss.code, loss.text, loss.path.removeprefix("PublicationsLicenseExpression/"))
        for loss in found.losses
    ] == [
        ("not-understood", "onixPL:Sell", "UsageTerms[1]/Usage[1]/UsageType[1]"),
        ("not-understood", "onixPL:Prohibited", "UsageTerms[1]/Usage[1]/UsageStatus[1]"),
        ("not-understood", "Moon", "UsageTerms[1]/Usage[2]/UsageRelatedPlace[1]/RelatedPlace[1]"),
        ("not-understood", "onixPL:X", "PaymentTerms[1]/PaymentTerm[1]/PaymentTermType[1]"),
    ]


def test_of_two_that_contradict_each_other_the_stricter_stays() -> None:
    found = one(usage("SupplyCopy", "Permitted", FAX), usage("SupplyCopy", "Prohibited", FAX))

    assert found.terms["ill-print"].use == "prohibited"
    assert [loss.code for loss in found.losses] == ["usage-contradicts"]


def test_what_bounds_a_usage_stays_with_it() -> None:
    bounds = (
        "<Annotation><AnnotationType>onixPL:SpecialConditions</AnnotationType><AnnotationText>On site</AnnotationText>"
        "</Annotation><UsageCondition>onixPL:RecordKeepingRequired</UsageCondition><UsageException>"
        "<UsageExceptionType>onixPL:NoMore</UsageExceptionType></UsageException>"
    )
    found = one(usage("SupplyCopy", "Permitted", FAX + bounds))

    said = found.terms["ill-print"]
    assert said.public_note == "On site"
    assert said.internal_note == "UsageCondition: onixPL:RecordKeepingRequired\nUsageException: onixPL:NoMore"
    assert found.losses == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not xml",
        b"<a/>",
        f"{HEAD}</ONIXPublicationsLicenseMessage>".encode(),
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
        message(usage("Use", "Permitted")).replace(b"http://www.editeur.org/onix-pl", b"urn:other"),
    ],
)
def test_what_is_no_message_is_refused_whole(body: bytes) -> None:
    with pytest.raises(NotXml):
        licences(body)


def test_days_and_notes_have_one_form() -> None:
    assert (day_of("20270131"), day_of("2027-01-31"), day_of("")) == ("2027-01-31", None, None)
    assert (joined([None, "a", "a", "b"]), joined([None])) == ("a\nb", None)
    told = LicenceRead("x")
    told.say(TermRead("ill-print", "permitted", public_note="a"), "p")
    told.say(TermRead("ill-print", "permitted", public_note="b"), "p")
    assert told.terms["ill-print"].public_note == "a\nb"
