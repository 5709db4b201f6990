"""Every script is found as its readers write it: examples, script by script."""

import pytest

from catalog.search.documents import SCHEMA_VERSION, TitleDocument
from catalog.search.engine import Reader, SearchRequest
from catalog.search.folders import switch
from catalog.search.grammar import parse
from catalog.search.matching import fields_of, matches
from catalog.search.writing import Writer
from chassis.ids import uuid7

FOUND = {
    "Würde des Menschen": ["wurde", "WÜRDE", "menschen würde", "würd*"],
    "Łódź i okolice": ["lodz", "ŁÓDŹ", "łodz"],
    "Œuvres complètes": ["oeuvres", "completes", "Œuvres"],
    "Straße der Ölsardinen": ["strasse", "STRASSE", "olsardinen"],
    "L’étranger": ["letranger", "l'etranger", "l’étranger"],
    "Þingvellir": ["thingvellir", "þingvellir"],
    "İstanbul hatırası": ["istanbul", "hatirasi", "İSTANBUL"],
    "Đường lên đỉnh": ["duong", "đường", "dinh"],
    "Война и мир": ["война", "ВОЙНА", "воина", '"война и мир"', "вой*"],
    "Чёрный лёд": ["черный", "чёрный лед"],
    "Їжак і ґанок": ["їжак", "ґанок", "ганок"],
    "Ὀδύσσεια Ὁμήρου": ["οδυσσεια", "ΟΔΎΣΣΕΙΑ", "ομηρου"],
    "אוֹצַר הַמִּלִּים": ["אוצר", "המלים", "אוצר המלים"],
    "שירי ר׳ יהודה": ["שירי", "ר"],
    "ייִדישע ליטעראַטור": ["ייִדישע", "יידישע", "ליטעראטור"],
    "أَلْفُ لَيْلَةٍ وَلَيْلَة": ["الف", "ألف ليلة", "ليله", "الف ليلة"],
    "می‌خواهم زنده بمانم": ["میخواهم", "مي‌خواهم", "زنده"],
    "كتابٌ ٢٠٢٤": ["کتاب", "2024", "٢٠٢٤", "۲۰۲۴"],
    "紅樓夢": ["紅樓夢", "樓夢", "紅", "夢", "紅樓*", '"紅樓夢"'],
    "紅樓夢 曹雪芹": ['"紅樓夢 曹雪芹"', "曹", "芹"],
    "吾輩は猫である": ["猫", "吾輩", "吾輩は猫"],
    "ノルウェイの森": ["のるうぇい", "ノルウェイ", "森", "ﾉﾙｳｪｲ"],
    "한국의 역사": ["한국", "역사", "한국의"],
    "ภาษาไทยเบื้องต้น": ["ภาษาไทย", "เบื้องต้น", "ไทย"],
    "हिन्दी साहित्य": ["हिन्दी", "साहित्य", "हिन्*"],
    "தமிழ் இலக்கியம்": ["தமிழ்", "இலக்கியம்"],
    "Programming in C++": ["c++", "C++ programming"],
}
NOT_FOUND = {
    "紅樓夢": ["紅夢", "夢紅", '"夢樓"'],
    "한국의 역사": ["국한"],
    "हिन्दी साहित्य": ["हनद", "हिन्द"],
    "Война и мир": ["вой", "мировой"],
    "أَلْفُ لَيْلَةٍ وَلَيْلَة": ["ليل"],
}


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    folder = tmp_path_factory.mktemp("index")
    writer = Writer(folder, f"v{SCHEMA_VERSION}-a")
    writer.apply([titled(title) for title in FOUND], [], 1)
    writer.close()
    switch(folder, f"v{SCHEMA_VERSION}-a")
    return Reader(folder)


def titled(title: str) -> TitleDocument:
    return TitleDocument(title_id=uuid7(), title=title, stored=title.encode())


def asked(examples: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(title, query) for title, queries in examples.items() for query in queries]


@pytest.mark.parametrize(("title", "query"), asked(FOUND))
def test_a_title_is_found_as_its_readers_write_it(reader: Reader, title: str, query: str) -> None:
    assert title in [hit.stored.decode() for hit in reader.search(SearchRequest(query=query)).hits]
    assert matches(parse(query), fields_of(titled(title)))


@pytest.mark.parametrize(("title", "query"), asked(NOT_FOUND))
def test_what_is_no_word_of_it_does_not_find_it(reader: Reader, title: str, query: str) -> None:
    assert title not in [hit.stored.decode() for hit in reader.search(SearchRequest(query=query)).hits]
    assert not matches(parse(query), fields_of(titled(title)))
