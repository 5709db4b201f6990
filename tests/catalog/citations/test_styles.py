"""Citations in eleven styles, by examples."""

# ruff: noqa: E501 - a table is read by its columns

from typing import Any

import pytest
from hypothesis import given
from lxml import html as markup

from catalog.citations import csl
from catalog.citations.styles.casing import titled
from catalog.citations.styles.listing import listed
from catalog.citations.styles.names import initials
from catalog.citations.styles.offered import STYLES, html, style_named, text
from catalog.citations.styles.phrases import plain
from catalog.citations.styles.words import words_of
from catalog.marc import iso2709
from catalog.marc.record import Field, Record
from catalog.search.filing import Filing
from support.marc_records import LEADER, RECORDS
from support.shared_data import shared_data

from .examples import CITED, ITEMS


def test_there_are_ten_styles_and_one() -> None:
    assert list(CITED) == list(STYLES)
    assert len(STYLES) == 11


@pytest.mark.parametrize("style", CITED)
def test_each_style_cites_as_its_manual_says(style: str) -> None:
    assert {name: html(item, style, "en-US") for name, item in ITEMS.items()} == CITED[style]


def people(count: int) -> list[dict[str, str]]:
    return [{"family": f"Family{chr(65 + at)}", "given": "Ann"} for at in range(count)]


@pytest.mark.parametrize(
    ("style", "most", "beyond"),
    [
        ("apa", 20, "FamilyS, A., … FamilyU, A. (n.d.)"),
        ("modern-language-association", 2, "FamilyA, Ann, et al. "),
        ("chicago-author-date", 6, "FamilyA, Ann, Ann FamilyB, Ann FamilyC, et al. "),
        ("chicago-notes-bibliography", 6, "Ann FamilyC, et al. "),
        ("harvard-cite-them-right", 3, "FamilyA, A. et al. (no date)"),
        ("vancouver", 6, "FamilyF A, et al. "),
        ("ieee", 6, "A. FamilyA et al., "),
        ("din-1505-2", 8, "FamilyH, Ann u. a.: "),
        ("american-medical-association", 6, "FamilyC A, et al. "),
    ],
)
def test_of_many_authors_as_many_are_told_as_the_style_wants(style: str, most: int, beyond: str) -> None:
    item: dict[str, Any] = {"id": "t1", "type": "book", "title": "All of us", "author": people(most)}

    all_of_them = text(item, style)
    assert all(name["family"] in all_of_them for name in item["author"])
    assert beyond in text(item | {"author": people(most + 1)}, style)


@pytest.mark.parametrize(
    ("given_name", "told", "closed", "bare"),
    [
        ("Henry David", "H. D.", "H.D.", "HD"),
        ("Jean-Paul", "J.-P.", "J.-P.", "JP"),
        ("J. R. R.", "J. R. R.", "J.R.R.", "JRR"),
        ("J.R.R.", "J. R. R.", "J.R.R.", "JRR"),
        ("Vincent van", "V. van", "V. van", "V van"),
        ("Лев Николаевич", "Л. Н.", "Л.Н.", "ЛН"),
        ("(Sir)", "", "", ""),
    ],
)
def test_given_names_become_initials(given_name: str, told: str, closed: str, bare: str) -> None:
    assert [
        initials(given_name, ". ", hyphen=True),
        initials(given_name, ".", hyphen=True),
        initials(given_name, "", hyphen=False),
    ] == [told, closed, bare]


@pytest.mark.parametrize(
    ("plain", "told"),
    [
        ("the life of brian: a memoir", "The Life of Brian: A Memoir"),
        ("what is it for", "What Is It For"),
        ("twentieth-century music and DNA", "Twentieth-Century Music and DNA"),
        ("iPhone in the classroom", "iPhone in the Classroom"),
        ("“the raven” and other poems", "“The Raven” and Other Poems"),
        ("", ""),
    ],
)
def test_english_titles_have_capitals_where_a_style_wants_them(plain: str, told: str) -> None:
    assert titled(plain) == told


def test_titles_in_other_languages_stay_as_they_are() -> None:
    item = ITEMS["full"] | {"language": "ger", "title": "Der prozess eines mannes"}

    assert "Der prozess eines mannes" in text(item, "modern-language-association")
    assert "Der Prozess Eines Mannes" in text(item | {"language": "eng"}, "modern-language-association")


@pytest.mark.parametrize(
    ("told", "locale", "said"),
    [
        ("2nd ed.", "en-US", "2nd ed."),
        ("2nd ed.", "de-DE", "2. Aufl."),
        ("3. Aufl.", "en-GB", "3rd ed."),
        ("11", "en-US", "11th ed."),
        ("1re éd.", "fr-FR", "1re éd."),
        ("1", "fr-FR", "1re éd."),
        ("2., überarb. Aufl.", "en-US", "2., überarb. Aufl."),
        ("2nd rev. ed.", "de-DE", "2nd rev. ed."),
        ("²", "en-US", "²"),
    ],
)
def test_an_edition_that_is_only_a_number_is_told_in_the_readers_words(
    told: str, locale: str, said: str
) -> None:
    assert words_of(locale).edition(told) == said


@pytest.mark.parametrize(
    ("locale", "cited"),
    [
        ("en-GB", "Doe, J. and Roe, R. (2006) ‘A part of it’, in D. Copp (ed.) The handbook of ethics. Oxford: OUP, pp. 12–34."),
        ("de-AT", "Doe, J. und Roe, R. (2006) „A part of it“, in D. Copp (Hrsg.) The handbook of ethics. Oxford: OUP, S. 12–34."),
        ("fr", "Doe, J. et Roe, R. (2006) « A part of it », in D. Copp (éd.) The handbook of ethics. Oxford: OUP, p. 12–34."),
        ("tlh", "Doe, J. and Roe, R. (2006) “A part of it,” in D. Copp (ed.) The handbook of ethics. Oxford: OUP, pp. 12–34."),
    ],
)  # fmt: skip
def test_a_citation_speaks_the_readers_language(locale: str, cited: str) -> None:
    assert text(ITEMS["chapter"], "harvard-cite-them-right", locale) == cited


def test_din_speaks_german_unless_it_is_asked_otherwise() -> None:
    assert text(ITEMS["chapter"], "din-1505-2").endswith(
        "In: Copp, D. (Hrsg.): The handbook of ethics. Oxford : OUP, 2006, S. 12–34"
    )
    assert "(ed.)" in text(ITEMS["chapter"], "din-1505-2", "en-US")


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (None, "apa"),
        ("APA", "apa"),
        ("mla", "modern-language-association"),
        ("nlm-citation-sequence", "vancouver"),
        ("iso690-author-date", "iso690-author-date-en"),
        ("nature", None),
    ],
)
def test_a_style_is_known_by_the_names_that_others_have_for_it(asked: str | None, named: str | None) -> None:
    assert style_named(asked) == named


def marc(*fields: Field, language: str = "chi", leader: str = LEADER) -> Record:
    return Record(leader, [Field.control("008", f"260101s1993    cc                  {language} d"), *fields])


def cited(record: Record, style: str) -> str:
    return text(csl.csl(record, key="t1"), style)


def test_what_stands_in_two_scripts_is_cited_as_it_is_transcribed() -> None:
    both = marc(
        Field.data("100", "1 ", ("6", "880-01"), ("a", "Cao, Xueqin,"), ("d", "1717-1763.")),
        Field.data("245", "10", ("6", "880-02"), ("a", "Hong lou meng.")),
        Field.data("880", "1 ", ("6", "100-01/$1"), ("a", "曹雪芹.")),
        Field.data("880", "10", ("6", "245-02/$1"), ("a", "紅樓夢.")),
    )
    alone = marc(Field.data("100", "1 ", ("a", "曹, 雪芹.")), Field.data("245", "10", ("a", "紅樓夢.")))

    assert cited(both, "apa") == "Cao, X. (1993). Hong lou meng."
    assert cited(both, "chicago-author-date") == "Cao, Xueqin 曹雪芹. 1993. Hong lou meng 紅樓夢."
    assert cited(both, "chicago-notes-bibliography") == "Cao, Xueqin 曹雪芹. Hong lou meng 紅樓夢. 1993."
    assert cited(both, "modern-language-association") == "Cao, Xueqin 曹雪芹. Hong lou meng 紅樓夢. 1993."
    assert cited(alone, "apa") == "曹雪芹. (1993). 紅樓夢."
    assert cited(alone, "ieee") == "曹雪芹, 紅樓夢. 1993."


def test_a_script_from_right_to_left_is_kept_apart_from_what_follows() -> None:
    both = marc(
        Field.data("100", "1 ", ("6", "880-01"), ("a", "Oz, Amos.")),
        Field.data("245", "10", ("6", "880-02"), ("a", "Mikhaʼel sheli :"), ("b", "roman.")),
        Field.data("880", "1 ", ("6", "100-01/(2/r"), ("a", "עוז, עמוס.")),
        Field.data("880", "10", ("6", "245-02/(2/r"), ("a", "מיכאל שלי :"), ("b", "רומן.")),
    )
    unlinked = marc(
        Field.data("245", "10", ("a", "Hong lou meng.")),
        Field.data("880", "10", ("6", "245-00/$1"), ("a", "紅樓夢.")),
        Field.data("880", "10", ("6", "246-01/$1"), ("a", "石頭記.")),
    )

    assert cited(both, "chicago-author-date") == (
        "Oz, Amos \u2068עוז, עמוס\u2069. 1993. Mikhaʼel sheli: roman \u2068מיכאל שלי: רומן\u2069."
    )
    assert csl.csl(both, key="t1")["custom"]["scripts"]["names"] == {"Oz, Amos": "עוז, עמוס"}
    assert "custom" not in csl.csl(unlinked, key="t1")


def _item(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"t{number}", "type": "book", "title": f"Title {number}"} | more


SMITH, ADAMS = ({"family": name, "given": "Ann"} for name in ("Smith", "Adams"))
NINE, TEN = ({"issued": {"date-parts": [[year]]}} for year in (2009, 2010))


def test_a_list_is_sorted_and_lettered_or_numbered_as_its_style_has_it() -> None:
    items = [
        _item(1, author=[SMITH], **TEN),
        _item(3, author=[SMITH], **NINE),
        _item(2, author=[SMITH], **NINE),
        _item(4, title="Nobody's", **NINE),
        _item(5, author=[ADAMS]),
        _item(6, author=[SMITH, ADAMS], **NINE),
    ]

    def lines(style: str) -> list[str]:
        return [plain(each) for each in listed(items, style, None, filed=Filing().key)]

    assert lines("apa") == [
        "Adams, A. (n.d.). Title 5.",
        "Nobody's. (2009).",
        "Smith, A. (2009a). Title 2.",
        "Smith, A. (2009b). Title 3.",
        "Smith, A. (2010). Title 1.",
        "Smith, A., & Adams, A. (2009). Title 6.",
    ]
    assert [each.partition(".")[0] for each in lines("modern-language-association")] == [
        "Adams, Ann", "Nobody's", "Smith, Ann", "Smith, Ann", "Smith, Ann", "Smith, Ann, and Ann Adams",
    ]  # fmt: skip
    assert [each[:4] for each in lines("ieee")] == [f"[{n}] " for n in range(1, 7)]
    assert lines("american-chemical-society")[3].startswith("(4) Nobody")
    assert listed([], "apa", None, filed=str) == []


def test_a_map_a_score_and_a_thesis_are_cited_from_their_records() -> None:
    title, who = Field.data("245", "10", ("a", "On something")), Field.data("100", "1 ", ("a", "Doe, Jane."))
    thesis = Field.data("502", "  ", ("b", "Ph.D."), ("c", "Uppsala universitet"), ("d", "1993"))

    assert cited(marc(title, who, thesis, language="eng"), "apa") == (
        "Doe, J. (1993). On something [Ph.D.]. Uppsala universitet."
    )
    assert cited(marc(title, who, leader="00000nem a2200000 i 4500"), "apa").endswith("On something [Map].")
    assert cited(marc(title, who, leader="00000ncm a2200000 i 4500"), "apa").endswith("[Musical score].")


EVIL = '<b>x</b> & "y" {z}'


@pytest.mark.parametrize("style", STYLES)
def test_nothing_of_a_record_becomes_markup(style: str) -> None:
    item: dict[str, Any] = dict.fromkeys(
        ("title", "publisher", "publisher-place", "edition", "genre", "DOI"), EVIL
    )
    for kind in ("book", "thesis", "chapter", "article-journal", "map"):
        told = html(
            item | {"id": "t1", "type": kind, "author": [{"literal": EVIL}], "container-title": EVIL}, style
        )
        assert {each.tag for each in markup.fragment_fromstring(f"<div>{told}</div>").iter()} <= {
            "div",
            "i",
            "b",
        }
        assert EVIL in markup.fragment_fromstring(f"<div>{told}</div>").text_content() or style.startswith(
            "iso"
        )


@given(RECORDS)
def test_any_record_is_cited_on_one_line(record: Record) -> None:
    item = csl.csl(record, key="t1")
    for style in STYLES:
        told = text(item, style)
        assert told
        assert not any(character < " " for character in told)


def test_real_records_are_cited_in_every_style() -> None:
    file = shared_data("marc", "bib", "solrmarc__uva_001_2000.mrc").read_bytes()[:300_000]
    seen = 0
    for read in iso2709.read(file):
        if read.record is None:
            continue
        seen += 1
        item = csl.csl(read.record, key="t1")
        for style in STYLES:
            told = text(item, style)
            assert " ".join(item["title"].split())[:20].casefold() in told.casefold(), (style, told)
            assert not {". .", " ,", "()", "[]", "  ", ",,"} & {
                told[at : at + width] for at in range(len(told)) for width in (2, 3)
            }, told
    assert seen > 100
