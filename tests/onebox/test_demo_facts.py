"""The demo library's facts: titles and their records, places, rules, patrons."""

import re
import unicodedata
from collections import Counter
from datetime import UTC, date, datetime, time
from itertools import pairwise

import pytest

from carrel.demo.barcodes import check_digit
from carrel.demo.codes import ARTICLES, COUNTRIES, RELATORS, nonfiling
from carrel.demo.names import heading
from carrel.demo.patrons import COUNTS, patrons
from carrel.demo.place import easter, holidays, locations, places
from carrel.demo.policies import configuration, patron_groups
from carrel.demo.records import record_of, with_items
from carrel.demo.shelving import all_items, call_number, cutter, holdings_of
from carrel.demo.titles import Format, Title, contributors, titles
from catalog.locations.documents import ConfigurationDoc as CatalogueDoc
from catalog.marc import iso2709
from catalog.marc.extract import extract
from catalog.marc.items import PROFILES, items_of
from catalog.marc.record import Record
from circulation.calendars.rules import WhenClosed
from circulation.places.documents import ConfigurationDoc

TODAY = date(2026, 11, 24)
YEAR = TODAY.year
TITLES = titles()
RECORDS = {title.number: with_items(record_of(title), holdings_of(title)) for title in TITLES}


def by_start(start: str, kind: Format | None = None) -> Title:
    return next(t for t in TITLES if t.title.startswith(start) and kind in (None, t.format))


def test_there_are_six_hundred_titles_of_every_kind() -> None:
    counts = Counter(title.format for title in TITLES)

    assert len(TITLES) == len({title.number for title in TITLES}) == 600
    assert counts[Format.JOURNAL] >= 45
    assert counts[Format.EBOOK] >= 50
    assert counts[Format.SCORE] >= 40
    assert counts[Format.MAP] >= 25
    assert counts[Format.FILM] >= 35
    assert counts[Format.BOOK] >= 380


def test_sixty_and_more_are_on_history_and_many_on_rome() -> None:
    history = [t for t in TITLES if any("History" in subject for subject in t.subjects)]
    rome = [t for t in TITLES if any(subject.startswith("@Rome -- History") for subject in t.subjects)]

    assert len(history) >= 120
    assert len(rome) >= 20


def test_literature_is_there_in_many_languages_and_scripts() -> None:
    languages = {title.language for title in TITLES}
    scripts = Counter(title.language for title in TITLES if "orig" in title.facts)

    assert languages >= {
        "eng",
        "ger",
        "fre",
        "spa",
        "ita",
        "por",
        "rus",
        "jpn",
        "chi",
        "ara",
        "heb",
        "gre",
        "lat",
    }
    assert sum(scripts.values()) >= 25
    assert set(scripts) >= {"rus", "gre", "heb", "ara", "chi", "jpn"}


def test_no_title_is_there_twice_in_one_form() -> None:
    known = Counter((t.format, t.title, t.author, t.year) for t in TITLES)

    assert [key for key, times in known.items() if times > 1] == []


def test_several_titles_share_an_author() -> None:
    works = Counter(title.author for title in TITLES if title.author)

    assert sum(1 for times in works.values() if times >= 3) >= 15


def isbn_holds(isbn: str) -> bool:
    if len(isbn) == 10:
        digits = [10 if char == "X" else int(char) for char in isbn]
        return sum(weight * digit for weight, digit in zip(range(10, 0, -1), digits, strict=True)) % 11 == 0
    return sum((1, 3)[place % 2] * int(char) for place, char in enumerate(isbn)) % 10 == 0


def test_every_isbn_has_the_right_check_digit() -> None:
    isbns = [title.isbn for title in TITLES if title.isbn]

    assert len(isbns) >= 30
    assert [isbn for isbn in isbns if not re.fullmatch(r"\d{9}[\dX]|97[89]\d{10}", isbn)] == []
    assert [isbn for isbn in isbns if not isbn_holds(isbn)] == []


def issn_holds(issn: str) -> bool:
    digits = [10 if char == "X" else int(char) for char in issn.replace("-", "")]
    return sum(weight * digit for weight, digit in zip(range(8, 0, -1), digits, strict=True)) % 11 == 0


def test_every_journal_has_an_issn_with_the_right_check_digit() -> None:
    issns = [title.issn or "" for title in TITLES if title.format is Format.JOURNAL]

    assert [issn for issn in issns if not re.fullmatch(r"\d{4}-\d{3}[\dX]", issn)] == []
    assert [issn for issn in issns if not issn_holds(issn)] == []


def test_standard_numbers_are_unique() -> None:
    numbers = [number for title in TITLES for number in (title.isbn, title.issn) if number]

    assert len(numbers) == len(set(numbers))


def test_every_fact_key_is_one_that_the_builder_knows() -> None:
    known = {
        "alt", "anim", "atlas", "bw", "collection", "contents", "doc", "ed", "from", "genre", "note", "orig",
        "origau", "reserve", "role", "silent", "ut",
    }  # fmt: skip

    assert {key for title in TITLES for key in title.facts} <= known


def test_every_contributor_has_a_relator_that_is_known() -> None:
    assert {person.role for title in TITLES for person in title.contributors} <= RELATORS.keys()
    assert [p.name for p in contributors("Rieu, E. V. (Emile Victor), 1887-1972~trl, Doe, Jane~edt")] == [
        "Rieu, E. V. (Emile Victor), 1887-1972",
        "Doe, Jane",
    ]


def test_texts_are_composed_and_free_of_stray_blanks() -> None:
    for record in RECORDS.values():
        for field in record:
            values = [field.value] if field.is_control else [value for _, value in field.subfields]
            for value in values:
                assert value
                assert unicodedata.is_normalized("NFC", value)
                assert field.is_control or value == value.strip(), (field, value)
                assert "  " not in value or field.is_control


def test_every_record_comes_back_whole_from_iso_2709() -> None:
    for record in RECORDS.values():
        read = iso2709.loads(iso2709.dumps(record), "strict")

        assert read.problems == []
        assert read.record is not None
        assert list(read.record) == list(record)


def test_fixed_fields_have_their_lengths_and_say_what_the_title_is() -> None:
    for title in TITLES:
        record = RECORDS[title.number]
        coded = record.control("008") or ""

        assert len(record.leader) == 24
        assert len(coded) == 40
        assert coded[7:11] == str(title.year)
        assert coded[15:18].strip() == COUNTRIES[title.country or title.place]
        assert coded[35:38] == title.language
        assert len(record.control("007") or "") == {"film": 9, "audio": 14, "e-book": 14, "map": 8}.get(
            title.format, 2
        )
        if title.format is Format.FILM:
            assert int(coded[18:21]) == title.minutes
            assert coded[33] == "v"
        if title.format is Format.EBOOK:
            assert coded[23] == "o"
            assert len(record.control("006") or "") == 18
        if title.format is Format.JOURNAL:
            assert coded[21] == "p"
            assert coded[6] in "cd"
        assert record.control("003") == "CARREL-DEMO"


def test_the_catalogue_recognises_each_format() -> None:
    told = {(title.format.value, extract(RECORDS[title.number]).format) for title in TITLES}

    assert told == {(name, name) for name in ("book", "journal", "score", "map", "film", "e-book")} | {
        ("audio", "music")
    }


@pytest.mark.parametrize(
    ("title", "language", "skip"),
    [
        ("The Iliad", "eng", 4),
        ("A room of one's own", "eng", 2),
        ("An essay concerning humane understanding", "eng", 3),
        ("Anna Karenina", "eng", 0),
        ("Theogony", "eng", 0),
        ("Die Verwandlung", "ger", 4),
        ("Ein deutsches Requiem", "ger", 4),
        ("Einführung in die Logik", "ger", 0),
        ("L'étranger", "fre", 2),
        ("L’étranger", "fre", 2),
        ("Les fleurs du mal", "fre", 4),
        ("À l'ombre des jeunes filles en fleurs", "fre", 0),
        ("Du contrat social", "fre", 0),
        ("Il principe", "ita", 3),
        ("I promessi sposi", "ita", 2),
        ("Gli indifferenti", "ita", 4),
        ("Las venas abiertas de América Latina", "spa", 4),
        ("O crime do padre Amaro", "por", 2),
        ("Os Maias", "por", 3),
        ("Et dukkehjem", "dan", 3),
        ("Det sjunde inseglet", "swe", 4),
        ("To Axion esti", "gre", 3),
        ("To the lighthouse", "eng", 0),
        ("al-Muqaddimah", "ara", 3),
        ("Die hard", "eng", 0),
        ("De revolutionibus orbium coelestium", "lat", 0),
        ("En attendant Godot", "fre", 0),
    ],
)
def test_articles_are_left_out_of_filing_by_language(title: str, language: str, skip: int) -> None:
    assert nonfiling(title, language) == skip


def test_245_counts_its_article_and_says_whether_there_is_a_main_entry() -> None:
    for title in TITLES:
        field = RECORDS[title.number].first("245")
        assert field is not None
        assert field.ind1 == ("1" if RECORDS[title.number].fields("100", "110") else "0")
        rest = (field.get("a") or "")[int(field.ind2) :]
        assert rest[0].isalnum() or rest[0] in "“\"'À", (title.number, rest)
        first_word = re.split(r"[ ']", title.title, maxsplit=1)[0].casefold()
        articles = {article.rstrip("'") for article in ARTICLES.get(title.title_language, ())}
        assert (int(field.ind2) > 0) == (first_word in articles or title.title.startswith("al-")), title.title


def test_original_script_is_linked_both_ways() -> None:
    for record in RECORDS.values():
        linked = {f.get("6") for f in record.fields("100", "110", "245") if f.get("6")}
        scripts = record.fields("880")
        assert {f"880-{(f.get('6') or '')[4:6]}" for f in scripts} == linked
        for field in scripts:
            tag, number = (field.get("6") or "")[:3], (field.get("6") or "")[4:6]
            assert (record.first(tag) or field).get("6") == f"880-{number}"
            assert any(ord(char) > 0x36F for char in field.get("a") or "")


def test_access_points_are_right_for_translations_films_and_journals() -> None:
    aeneid = RECORDS[by_start("The Aeneid").number]
    samurai = RECORDS[by_start("Shichinin").number]
    speculum = RECORDS[by_start("Speculum").number]

    assert aeneid.get("240", "a") == "Aeneis."
    assert aeneid.get("240", "l") == "English."
    assert aeneid.get("041", "h") == "lat"
    assert aeneid.get("700", "4") == "trl"
    assert aeneid.get("245", "c") == "Virgil ; translated by Robert Fagles."
    assert [f.get("4") for f in samurai.fields("700")] == ["drt", "act", "act"]
    assert samurai.fields("100") == []
    assert speculum.get("310", "a") == "Quarterly"
    assert speculum.get("710", "a") == "Mediaeval Academy of America."


def test_headings_are_taken_apart_as_catalogues_do() -> None:
    augustine = heading("Augustine, of Hippo, Saint, 354-430")
    rieu = heading("Rieu, E. V. (Emile Victor), 1887-1972")

    assert augustine.subfields() == [("a", "Augustine,"), ("c", "of Hippo, Saint,"), ("d", "354-430")]
    assert rieu.subfields() == [("a", "Rieu, E. V."), ("q", "(Emile Victor),"), ("d", "1887-1972")]
    assert heading("Natsume, Sōseki, 1867-1916").direct("jpn") == "Natsume Sōseki"
    assert heading("=Ordnance Survey").corporate


def test_subject_subdivisions_are_of_their_kinds() -> None:
    commentary = RECORDS[by_start("Voĭna i mir").number].first("650")
    tacitus = RECORDS[by_start("The annals of imperial Rome").number].first("651")
    stalin = RECORDS[by_start("The great terror").number].first("600")

    assert commentary is not None
    assert tacitus is not None
    assert stalin is not None
    assert [code for code, _ in commentary.subfields] == ["a", "x", "z", "v"]
    assert tacitus.subfields == (("a", "Rome"), ("x", "History"), ("y", "Julio-Claudians, 30 B.C.-68 A.D."))
    assert stalin.subfields == (("a", "Stalin, Joseph,"), ("d", "1878-1953."))


def test_e_books_are_online_and_have_no_items() -> None:
    for title in TITLES:
        record = RECORDS[title.number]
        if title.format is Format.EBOOK:
            assert holdings_of(title) == []
            assert record.get("856", "u") == f"https://ebooks.example.edu/{title.number}"
        else:
            assert holdings_of(title)
            assert record.fields("856") == []


def test_items_ride_in_852_and_876_as_the_import_profile_reads_them() -> None:
    for title in TITLES:
        told = items_of(RECORDS[title.number], PROFILES["standard"])

        assert [
            (i.barcode, i.call_number, i.library, i.location, i.copy, i.volume, i.item_type, i.loan_type) for i in told
        ] == [
            (
                i.barcode, i.call_number, i.library, i.location, str(i.copy), i.volume, i.material_type, i.loan_type
            )
            for i in holdings_of(title)
        ]  # fmt: skip


def test_about_nine_hundred_and_fifty_items_have_barcodes_of_their_own() -> None:
    items = all_items()

    assert 900 <= len(items) <= 1000
    assert len({item.barcode for item in items}) == len(items)
    for item in items:
        assert re.fullmatch(r"3\d{13}", item.barcode)
        assert check_digit(item.barcode[:-1]) == item.barcode[-1]


def test_the_check_digit_is_luhns() -> None:
    assert check_digit("7992739871") == "3"


def test_items_stand_where_there_are_places_and_are_of_known_types() -> None:
    where = {location.code: location.library for location in locations()}
    told = places()

    for item in all_items():
        assert where[item.location] == item.library
    assert {item.material_type for item in all_items()} <= {each["code"] for each in told["material_types"]}
    assert {item.loan_type for item in all_items()} <= {each["code"] for each in told["loan_types"]}


def test_shelf_marks_are_unique_and_sort_like_their_words() -> None:
    marks = [call_number(title) for title in TITLES]

    assert len(marks) == len(set(marks))
    assert [cutter(word) for word in ("Gibbon", "Goethe", "Sartre", "Schiller", "Ōe", "2001")] == [
        "G53",
        "G64",
        "S27",
        "S35",
        "O33",
        "A12",
    ]


def test_three_libraries_on_two_campuses_have_forty_locations() -> None:
    told = places()

    assert len(told["libraries"]) == 3
    assert len({library["campus"] for library in told["libraries"]}) == 2
    assert len(locations()) == len({location.code for location in locations()}) == 40
    assert list(CatalogueDoc.model_validate(told).flaws()) == []


@pytest.mark.parametrize(
    ("year", "sunday"),
    [(1981, (4, 19)), (2000, (4, 23)), (2008, (3, 23)), (2024, (3, 31)), (2026, (4, 5)), (2038, (4, 25))],
)
def test_easter_falls_when_it_did(year: int, sunday: tuple[int, int]) -> None:
    assert easter(year) == date(year, *sunday)


def test_holidays_of_a_year_are_in_order_and_of_that_year() -> None:
    for calendar in ("berlin", "lisbon"):
        told = holidays(calendar, 2027)
        assert all(before.on <= after.on for before, after in pairwise(told))
        assert {holiday.on.year for holiday in told} == {2027}
    assert "Whit Monday" in {
        holiday.name for holiday in holidays("berlin", 2027) if holiday.on == date(2027, 5, 17)
    }


CONFIGURATION = ConfigurationDoc.model_validate(configuration(YEAR))


def test_the_configuration_is_sound_and_has_a_fallback() -> None:
    assert CONFIGURATION.flaws() == []
    assert any(not rule.when for rule in CONFIGURATION.rules)
    assert len(patron_groups()) == 8
    assert len(CONFIGURATION.service_points) >= 5


def test_rules_and_desks_speak_of_things_that_exist() -> None:
    told = places()
    known = {
        "patron_group": {group.code for group in CONFIGURATION.patron_groups},
        "location": {location.code for location in locations()},
        "material_type": {each["code"] for each in told["material_types"]},
        "loan_type": {each["code"] for each in told["loan_types"]},
    }
    libraries = {library["code"] for library in told["libraries"]}

    for rule in CONFIGURATION.as_rules():
        for name, criterion in rule.criteria.items():
            assert criterion.values <= known[name]
    for point in CONFIGURATION.service_points:
        assert {point.library, *point.serves} <= libraries
    assert {point.library for point in CONFIGURATION.service_points} == libraries


def test_desks_close_on_sundays_and_holidays_and_one_is_open_late() -> None:
    calendars = {point.code: point.calendar.as_rule() for point in CONFIGURATION.service_points}
    main, porto = calendars["main-desk"], calendars["porto-desk"]

    assert not main.is_open_on(date(2026, 11, 29))
    assert not main.is_open_on(date(2026, 12, 25))
    assert not main.is_open_on(date(2027, 3, 29))
    assert porto.is_open_on(date(2027, 3, 29))
    assert not porto.is_open_on(date(2026, 12, 1))
    assert main.is_open(datetime(2026, 11, 26, 22, 30, tzinfo=UTC))
    assert not main.is_open(datetime(2026, 11, 24, 22, 30, tzinfo=UTC))
    assert porto.openings(date(2026, 11, 24))[0].closes == time(13)
    assert {calendar.zone for calendar in calendars.values()} == {"Europe/Berlin", "Europe/Lisbon"}
    assert calendars["main-lockers"].is_open(datetime(2026, 12, 25, 3, tzinfo=UTC))


def test_reserve_loans_end_with_the_hours_and_others_with_the_day() -> None:
    loans = {policy.code: policy.as_rule() for policy in CONFIGURATION.loan_policies}

    assert loans["reserve-4h"].when_closed is WhenClosed.NEXT_HOURS
    assert loans["standard-28"].when_closed is WhenClosed.NEXT_OPEN_DAY
    assert not loans["in-house"].loanable


def test_two_hundred_patrons_are_all_different() -> None:
    people = patrons(TODAY)

    assert len(people) == 200
    assert Counter(person.group for person in people) == COUNTS
    for each in ("barcode", "external_id", "email"):
        assert len({getattr(person, each) for person in people}) == 200
    assert len({(person.family_name, person.given_name) for person in people}) == 200
    assert patrons(TODAY) == people


def test_patrons_cards_mails_and_libraries_are_fit_to_be_registered() -> None:
    libraries = {library["code"] for library in places()["libraries"]}
    groups = {group["code"] for group in patron_groups()}

    for person in patrons(TODAY):
        assert re.fullmatch(r"2\d{13}", person.barcode)
        assert check_digit(person.barcode[:-1]) == person.barcode[-1]
        assert re.fullmatch(r"[a-z0-9.]+@example\.edu", person.email)
        assert person.library in libraries
        assert person.group in groups
        assert person.registration()["barcode"] == person.barcode


def test_names_are_of_many_scripts_some_single_and_some_family_first() -> None:
    people = patrons(TODAY)
    scripts = {unicodedata.name(person.family_name[0]).split()[0] for person in people}

    assert scripts >= {
        "LATIN",
        "CYRILLIC",
        "GREEK",
        "ARABIC",
        "HEBREW",
        "CJK",
        "HANGUL",
        "DEVANAGARI",
        "GEORGIAN",
    }
    assert any(person.given_name is None for person in people)
    assert any(person.family_first for person in people)
    nguyen = next(person for person in people if person.family_name == "Nguyễn")
    assert nguyen.spoken.startswith("Nguyễn ")


def test_a_few_cards_have_expired_and_emeriti_never_do() -> None:
    people = patrons(TODAY)
    now = datetime.combine(TODAY, time(12), UTC)

    expired = [person for person in people if person.expires_at and person.expires_at < now]

    assert 3 <= len(expired) <= 10
    assert all(person.expires_at is None for person in people if person.group == "emeritus")


def test_a_record_without_items_has_no_holdings_fields() -> None:
    bare: Record = record_of(by_start("SPQR"))

    assert bare.fields("852", "876") == []
    assert bare.get("245", "c") == "Mary Beard."
