"""What a page shows of a record, by example."""

import pytest

from catalog.marc.extract import extract
from catalog.marc.record import Field, Record
from catalog.pages import coins
from catalog.pages.addresses import Asked, asked
from catalog.pages.languages import language_of, script_of, tag
from catalog.pages.rules import Phrase, Shown, pages_around, safe, shown
from catalog.pages.words import LANGUAGES, WORDING
from chassis.wording import language_wanted
from support.marc_records import LEADER

HEBREW = "קיצור תולדות האנושות"


def page_of(*fields: Field, language: str = "eng", leader: str = LEADER) -> Shown:
    made = Record(leader, [Field.control("008", f"260101s1993    gw                  {language} d"), *fields])
    return shown(made, extract(made))


@pytest.mark.parametrize(
    ("text", "languages", "told"),
    [
        ("Der Prozess", ("ger",), "de"),
        ("Voina i mir", ("rus",), "ru-Latn"),
        ("Война и мир", ("rus",), "ru"),
        ("Война и мир", ("eng", "ukr", "rus"), "uk"),
        ("Война и мир", (), "und-Cyrl"),
        (HEBREW, ("heb",), "he"),
        ("ألف ليلة وليلة", ("per", "ara"), "fa"),
        ("源氏物語", ("jpn",), "ja"),
        ("源氏物語 の 研究", ("chi",), "ja"),
        ("紅樓夢", ("chi",), "zh"),
        ("紅樓夢", ("eng",), "und-Hani"),
        ("홍길동전", ("kor",), "ko"),
        ("Ἰλιάς", ("grc",), "grc"),
        ("1984", ("eng",), "en"),
        ("", (), "und"),
    ],
)
def test_a_text_is_in_the_language_whose_script_it_is_in(
    text: str, languages: tuple[str, ...], told: str
) -> None:
    assert language_of(text, languages) == told


def test_a_language_without_a_short_code_keeps_its_own() -> None:
    assert [tag(code) for code in ("ger", "grc", "yid", "qqq")] == ["de", "grc", "yi", "qqq"]


def test_a_text_of_two_scripts_is_in_the_one_it_has_more_of() -> None:
    assert script_of("Толстой, L.") == "Cyrl"


def test_a_title_stands_in_both_scripts_with_language_and_direction() -> None:
    view = page_of(
        Field.data("245", "10", ("6", "880-01"), ("a", "Ḳitsur toldot ha-enoshut /"), ("c", "Yuval Harari.")),
        Field.data("880", "10", ("6", "245-01/(2/r"), ("a", HEBREW + " /"), ("c", "יובל הררי.")),
        language="heb",
    )
    assert view.title.phrase == Phrase("Ḳitsur toldot ha-enoshut", "he-Latn")
    assert view.title.original == Phrase(HEBREW, "he", rtl=True)
    assert view.responsibility is not None
    assert view.responsibility.original == Phrase("יובל הררי", "he", rtl=True)


def test_each_field_is_paired_with_its_own_number_and_an_unlinked_one_comes_last() -> None:
    view = page_of(
        Field.data("245", "10", ("a", "Title.")),
        Field.data("700", "1 ", ("6", "880-02"), ("a", "Tolstoi, Lev."), ("e", "author.")),
        Field.data("700", "1 ", ("6", "880-03"), ("a", "Chekhov, Anton."), ("e", "editor.")),
        Field.data("880", "1 ", ("6", "700-03/(N"), ("a", "Чехов, Антон.")),
        Field.data("880", "1 ", ("6", "700-02/(N"), ("a", "Толстой, Лев.")),
        Field.data("880", "1 ", ("6", "700-00/(N"), ("a", "Гоголь, Николай.")),
        Field.data("880", "1 ", ("6", "broken"), ("a", "Никто.")),
        language="rus",
    )
    (row,) = [row for row in view.rows if row.label == "contributor"]
    told = [(value.phrase.text, value.original and value.original.text, value.role) for value in row.values]
    assert told == [
        ("Tolstoi, Lev", "Толстой, Лев", None),
        ("Chekhov, Anton", "Чехов, Антон", "editor"),
        ("Гоголь, Николай", None, None),
    ]


def test_a_name_and_a_subject_lead_to_more_by_what_the_index_counts_them_as() -> None:
    made = Record(
        LEADER,
        [
            Field.control("008", "260101s1993    gw                  eng d"),
            Field.data("100", "1 ", ("a", "Kafka, Franz,"), ("d", "1883-1924,"), ("e", "author.")),
            Field.data("245", "10", ("a", "The trial.")),
            Field.data("650", " 0", ("a", "Trials"), ("z", "Prague"), ("v", "Fiction.")),
        ],
    )
    facts = extract(made)
    facets = {value.facet for row in shown(made, facts).rows for value in row.values if value.facet}
    assert facets == {("author", facts.author), ("subject", facts.subjects[0])}


def test_notes_and_subjects_are_in_the_cataloguers_language_and_titles_in_the_works() -> None:
    view = page_of(
        Field.data("040", "  ", ("a", "DE"), ("b", "ger")),
        Field.data("245", "10", ("a", "Emma.")),
        Field.data("500", "  ", ("a", "Ein Roman.")),
        language="eng",
    )
    (note,) = [row.values[0] for row in view.rows if row.label == "note"]
    assert (view.title.phrase.lang, note.phrase.lang) == ("en", "de")


def test_a_record_of_nothing_has_a_page() -> None:
    assert page_of().title.phrase.text == "[no title]"


def test_what_cannot_be_seen_is_not_on_the_page() -> None:
    view = page_of(
        Field.data("245", "10", ("a", "Two\x0blines\x85here")), Field.data("650", " 0", ("a", "A\x00B"))
    )
    assert view.title.phrase.text == "Two lines here"
    assert [row.values[0].phrase.text for row in view.rows if row.label == "subject"] == ["A B"]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://example.org/a?b=c", True),
        ("http://[2001:db8::1]/", True),
        ("javascript:alert(1)", False),
        ("JaVaScript:alert(1)", False),
        ("data:text/html,x", False),
        ("ftp://example.org/", False),
        ("https:///no-host", False),
        ("//example.org/", False),
        ("https://example.org/ x", False),
        ("https://exa\nmple.org/", False),
        ("https://[broken", False),
        ("www.example.org", False),
    ],
)
def test_a_page_leads_to_web_addresses_and_nowhere_else(url: str, told: bool) -> None:
    assert safe(url) is told


@pytest.mark.parametrize(
    ("chosen", "accept", "told"),
    [
        ("fr", "de", "fr"),
        ("xx", "de-AT,en;q=0.5", "de"),
        (None, "fr;q=0.2, de;q=0.9", "de"),
        (None, "nl, ja", "en"),
        (None, "de;q=0, fr;q=0.1", "fr"),
        (None, "de;q=banana", "en"),
        (None, None, "en"),
    ],
)
def test_the_page_speaks_what_is_chosen_or_what_the_browser_likes(
    chosen: str | None, accept: str | None, told: str
) -> None:
    assert language_wanted(chosen, accept, LANGUAGES) == told


@pytest.mark.parametrize(
    ("page", "last", "told"),
    [
        (1, 1, [1]),
        (1, 3, [1, 2, 3]),
        (5, 9, [1, None, 3, 4, 5, 6, 7, None, 9]),
        (9, 9, [1, None, 7, 8, 9]),
        (40, 9, [1, None, 9]),
    ],
)
def test_pages_led_to(page: int, last: int, told: list[int | None]) -> None:
    assert pages_around(page, last) == told


def test_an_address_says_again_what_it_was_asked_and_forgets_what_it_does_not_know() -> None:
    told = [
        ("query", " war "), ("filter[format]", "book"), ("filter[format]", "map"), ("filter[evil]", "x"),
        ("sort", "up"), ("page", "-3"), ("lang", "de"), ("lang", "fr"), ("other", "y"),
    ]  # fmt: skip
    wanted = asked(told, tuple(LANGUAGES))
    assert wanted == Asked("war", {"format": ("book", "map")}, "relevance", 1, "de")
    assert wanted.address() == "/search?query=war&filter%5Bformat%5D=book&filter%5Bformat%5D=map&lang=de"
    assert wanted.narrowed("format", "map") == wanted.address()
    assert wanted.widened("format", "book") == "/search?query=war&filter%5Bformat%5D=map&lang=de"


@pytest.mark.parametrize("page", ["0", "٣", "99999999999", "1e3", "", "501"])
def test_a_page_number_is_always_one_that_there_is(page: str) -> None:
    assert 1 <= asked([("page", page)], ()).page <= 500


def test_every_word_is_said_in_every_language() -> None:
    assert {name: set(words) for name, words in WORDING.by_language.items()} == {
        name: set(WORDING.by_language["en"]) for name in LANGUAGES
    }
    assert all(said.strip() for words in WORDING.by_language.values() for said in words.values())


@pytest.mark.parametrize(
    ("kind", "form"), [("book", "book"), ("periodical", "journal"), ("thesis", "dissertation"), ("map", "dc")]
)
def test_a_citation_is_an_openurl_of_the_right_form(kind: str, form: str) -> None:
    told = coins.span({"id": "t1", "type": kind, "title": "A & B", "author": [{"literal": "C"}]})
    assert f"mtx%3A{form}" in told
    assert "A+%26+B" in told
