"""MARC code lists, as far as the demo needs them: countries of places, articles of languages, relators."""

from typing import Final

_COUNTRIES: Final = {
    "enk": "London|Oxford|Cambridge|Harmondsworth|West Drayton|Manchester|Southampton|Great Britain",
    "stk": "Edinburgh",
    "nyu": "New York|Brooklyn|Ithaca",
    "mau": "Cambridge, Mass.|Boston|Reading, Mass.",
    "nju": "Princeton|Upper Saddle River, N.J.|Englewood Cliffs, N.J.",
    "ctu": "New Haven|Westport, Conn.",
    "ilu": "Chicago|Urbana",
    "mdu": "Baltimore|Bethesda",
    "cau": "Berkeley|San Francisco|San Diego|Stanford",
    "inu": "Bloomington",
    "tnu": "Nashville",
    "dcu": "Washington, D.C.",
    "xxu": "United States",
    "onc": "Toronto",
    "fr": "Paris|Parizh|Saint-Dié|France",
    "gw": "Bad Kissingen|Bamberg|Berlin|Bonn|Braunschweig|Darmstadt|Duisburg|Düsseldorf|Frankfurt am Main|"
    "Germany|Gotha|Halle|Hamburg|Kassel|Leipzig|Lindenfeld|Mainz|Mi͡unkhen|München|Neuwied|Nürnberg|"
    "Stuttgart|Tübingen|Weinheim",
    "au": "Wien",
    "sz": "Basel|Bern|Genève|Lausanne",
    "ne": "Amsterdam|Haarlem|'s-Gravenhage",
    "be": "Antwerpen",
    "dk": "København",
    "sw": "Stockholm|Sweden",
    "lv": "Riga",
    "ru": "Moskva|Sankt-Peterburg",
    "xx": "Soviet Union|",
    "pl": "Warszawa",
    "xr": "Praha",
    "hu": "Budapest",
    "gr": "Athēna|Athēnai",
    "tu": "İstanbul",
    "le": "Bayrūt",
    "ua": "al-Qāhirah",
    "is": "Or Yehudah|Tel-Aviv|Yerushalayim",
    "cc": "Beijing",
    "ja": "Tōkyō|Japan",
    "ii": "Delhi|Madras|India",
    "mx": "México",
    "ag": "Buenos Aires",
    "ck": "Bogotá",
    "bl": "Rio de Janeiro",
    "po": "Lisboa|Porto|Portugal",
    "sp": "Barcelona|Madrid",
    "it": "Bari|Bologna|Firenze|Italy|Livorno|Milano|Roma|Torino|Venezia",
}
COUNTRIES: Final = {place: code for code, places in _COUNTRIES.items() for place in places.split("|")}
"""MARC country codes by place, as the sheets write it; a state that is no more has none (`xx`)."""

ARTICLES: Final = {
    "eng": ("the", "a", "an"),
    "ger": ("der", "die", "das", "ein", "eine"),
    "fre": ("le", "la", "les", "un", "une", "l'"),
    "spa": ("el", "la", "lo", "los", "las", "un", "una"),
    "ita": ("il", "lo", "la", "i", "gli", "le", "un", "uno", "una", "l'", "un'"),
    "por": ("o", "a", "os", "as", "um", "uma"),
    "dut": ("de", "het", "een", "'t"),
    "swe": ("den", "det", "de", "en", "ett"),
    "dan": ("den", "det", "de", "en", "et"),
    "nor": ("den", "det", "de", "en", "et", "ei"),
    "hun": ("a", "az", "egy"),
    "gre": ("ho", "hē", "to", "hoi", "hai", "ta"),
    "grc": ("ho", "hē", "to", "hoi", "hai", "ta"),
    "ara": ("al-",),
    "heb": ("ha-", "he-"),
}
"""Initial articles by MARC language code; those that end with a sign cling to the word, the others do not."""

LANGUAGES: Final = {
    "ara": "Arabic",
    "ben": "Bengali",
    "chi": "Chinese",
    "cze": "Czech",
    "dan": "Danish",
    "dut": "Dutch",
    "eng": "English",
    "fre": "French",
    "ger": "German",
    "gre": "Greek",
    "heb": "Hebrew",
    "hun": "Hungarian",
    "ita": "Italian",
    "jpn": "Japanese",
    "lat": "Latin",
    "nor": "Norwegian",
    "pol": "Polish",
    "por": "Portuguese",
    "rus": "Russian",
    "spa": "Spanish",
    "swe": "Swedish",
    "tur": "Turkish",
}
"""Names of the languages in which the demo has texts."""

RELATORS: Final = {
    "act": "actor",
    "art": "artist",
    "aus": "screenwriter",
    "aut": "author",
    "cmp": "composer",
    "cnd": "conductor",
    "ctg": "cartographer",
    "drt": "film director",
    "edt": "editor",
    "ill": "illustrator",
    "lbt": "librettist",
    "prf": "performer",
    "sng": "singer",
    "trl": "translator",
}

CREDITS: Final = {
    "art": "painted by",
    "aus": "written by",
    "ctg": "cartography by",
    "drt": "directed by",
    "edt": "edited by",
    "ill": "illustrated by",
    "lbt": "text by",
    "trl": "translated by",
}
"""How a statement of responsibility puts it; performers are named in a note instead."""

SCRIPTS: Final = {"rus": "(N", "gre": "(S", "ara": "(3/r", "heb": "(2/r", "chi": "$1", "jpn": "$1"}
"""Script identification codes of $6; /r where a field reads from right to left."""


def nonfiling(title: str, language: str) -> int:
    """How many characters the initial article takes, with the blank behind it: 245's second indicator."""
    lowered = title.casefold().replace("’", "'")
    for article in ARTICLES.get(language, ()):
        leading = article if article[-1] in "'-" and article != "'t" else article + " "
        if lowered.startswith(leading):
            return len(leading)
    return 0
