"""How titles and names file, in the order of a library's own language."""

import random

import pytest

from catalog.search.filing import NOTHING, RULES, Filing, FilingProblem, numbers
from catalog.settings import Settings

FILED = {
    "": ["10 downing street", "101 recipes", "Ähren", "Apfel", "Çay", "Łódź", "Lyon", "Öl", "Opera", "zebra"],
    "sv": ["Adam", "Alm", "Oxe", "Opus", "Zebra", "Ångström", "Åska", "Älg", "Æra", "Ödla", "Øre"],
    "da": ["Abe", "Zoo", "Ære", "Ærø", "Østen", "Aalborg", "Ålborg bys historie", "Aarhus"],
    "de-phonebook": ["Maar", "Mädler", "Maeder", "Mahler", "Muller", "Müller", "Muffe"],
    "es": ["nada", "nube", "nzuri", "ñandú", "ópera", "oro"],
    "cs": ["cena", "cyklus", "čaj", "dub", "hrad", "hvězda", "chléb", "idea", "zub", "žába"],
    "pl": ["as", "ćma", "dom", "kot", "lot", "łoś", "noc", "zoo", "źrebię", "żaba"],
    "tr": ["cam", "çay", "gol", "ğ", "hal", "ıslak", "ikaz", "oda", "öğle", "su", "şal", "uç", "üç"],
    "hu": ["cukor", "csak", "cseh", "dal", "zene", "zsír"],
    "uk": ["газ", "ґанок", "дім", "еґо", "єдність", "ірис", "їжак", "яр"],
    "& a < ä & q = k": ["alt", "az", "äa", "baum", "qarl", "karlb"],
}


@pytest.mark.parametrize("told", FILED)
def test_words_file_as_the_language_has_its_letters(told: str) -> None:
    filing, right = Filing(told), FILED[told]
    shuffled = random.Random(3).sample(right, len(right))

    filed = sorted(shuffled, key=filing.key)

    if told == "sv":  # æ and ä, ø and ö are the same there: what follows tells
        right = ["Adam", "Alm", "Opus", "Oxe", "Zebra", "Ångström", "Åska", "Älg", "Æra", "Ödla", "Øre"]
    if told == "de-phonebook":
        right = ["Maar", "Maeder", "Mädler", "Mahler", "Müller", "Muffe", "Muller"]
    assert filed == right


def test_numbers_file_by_their_value_and_words_one_by_one() -> None:
    right = ["New 9", "New 10", "New 0100", "New York", "Newark", "Newark 2", "Newark 11"]

    assert sorted(sorted(right), key=Filing().key) == right


@pytest.mark.parametrize("told", RULES)
def test_every_order_that_is_shipped_can_be_read(told: str) -> None:
    assert Filing(told).key("Žluťoučký kůň 7") != ""


@pytest.mark.parametrize("told", ["klingon", "& z <", "&", "& < a", "& a å", f"& z {'< q ' * 17}"])
def test_rules_that_cannot_be_read_are_refused_in_words(told: str) -> None:
    with pytest.raises(FilingProblem):
        Filing(told)
    with pytest.raises(ValueError, match="filing"):
        Settings(filing=told)


def test_the_numbers_of_a_key_compare_as_the_key_does_and_nothing_comes_last() -> None:
    chance = random.Random(7)
    keys = ["".join(chance.choices("aåzя紅 9", k=chance.randint(1, 9))) for _ in range(300)]
    cut = {key: key.encode()[:24] for key in keys}

    assert sorted(keys, key=lambda key: numbers(key, 3)) == sorted(keys, key=cut.__getitem__)
    assert numbers("", 2) == (NOTHING, NOTHING) > numbers("\U0010ffff", 2)
