"""Language tags (BCP 47) of MARC's language codes, and the scripts that languages are written in. Pure."""

from typing import Final

_PAIRS: Final = """
afr=af alb=sq amh=am ara=ar arm=hy aze=az baq=eu bel=be ben=bn bos=bs bre=br bul=bg bur=my cat=ca chi=zh
cze=cs dan=da dut=nl eng=en epo=eo est=et fao=fo fin=fi fre=fr fry=fy geo=ka ger=de gle=ga glg=gl gre=el
guj=gu hau=ha heb=he hin=hi hrv=hr hun=hu ice=is ind=id ita=it jav=jv jpn=ja kan=kn kaz=kk khm=km kir=ky
kor=ko kur=ku lao=lo lat=la lav=lv lit=lt ltz=lb mac=mk mal=ml mao=mi mar=mr may=ms mlt=mt mon=mn nep=ne
nno=nn nob=nb nor=no oci=oc pan=pa per=fa pol=pl por=pt pus=ps roh=rm rum=ro rus=ru san=sa sin=si slo=sk
slv=sl som=so spa=es srp=sr swa=sw swe=sv tam=ta tat=tt tel=te tgk=tg tha=th tib=bo tuk=tk tur=tr uig=ug
ukr=uk urd=ur uzb=uz vie=vi wel=cy xho=xh yid=yi yor=yo zul=zu
"""
_TAGS: Final[dict[str, str]] = dict(pair.split("=") for pair in _PAIRS.split())
WRITTEN_IN: Final[dict[str, tuple[str, ...]]] = {
    "Arab": ("ara", "per", "urd", "ota", "pus", "uig", "kur", "snd"),
    "Hebr": ("heb", "yid", "lad", "arc", "jrb"),
    "Cyrl": ("rus", "ukr", "bul", "bel", "mac", "srp", "kaz", "kir", "mon", "tgk", "tat", "chu", "uzb"),
    "Grek": ("grc", "gre"),
    "Jpan": ("jpn",),
    "Kore": ("kor",),
    "Hani": ("chi", "jpn", "kor"),
    "Deva": ("hin", "san", "mar", "nep"),
    "Thai": ("tha",),
    "Armn": ("arm",),
    "Geor": ("geo",),
}
"""Languages (MARC codes) by script (ISO 15924)."""
RIGHT_TO_LEFT: Final = frozenset({"Arab", "Hebr"})
_NOT_LATIN: Final = frozenset(code for codes in WRITTEN_IN.values() for code in codes) - {
    "kur",
    "uzb",
    "srp",
    "bos",
}
_BLOCKS: Final = (
    (0x370, 0x3FF, "Grek"),
    (0x400, 0x52F, "Cyrl"),
    (0x530, 0x58F, "Armn"),
    (0x590, 0x5FF, "Hebr"),
    (0x600, 0x77F, "Arab"),
    (0x900, 0x97F, "Deva"),
    (0xE00, 0xE7F, "Thai"),
    (0x10A0, 0x10FF, "Geor"),
    (0x1100, 0x11FF, "Kore"),
    (0x1F00, 0x1FFF, "Grek"),
    (0x3040, 0x30FF, "Jpan"),
    (0x3400, 0x9FFF, "Hani"),
    (0xAC00, 0xD7AF, "Kore"),
    (0xF900, 0xFAFF, "Hani"),
    (0xFB1D, 0xFB4F, "Hebr"),
    (0xFB50, 0xFDFF, "Arab"),
    (0xFE70, 0xFEFF, "Arab"),
    (0x20000, 0x3134F, "Hani"),
)


def tag(code: str) -> str:
    """A MARC language code as a tag: `ger` is `de`; a language without a code of two letters keeps its three."""
    return _TAGS.get(code, code)


def script_of(text: str) -> str:
    """The script that most of a text's letters are in (ISO 15924). Kana makes Han characters Japanese."""
    counts: dict[str, int] = {}
    for character in text:
        if character.isalpha():
            found = next((name for low, high, name in _BLOCKS if low <= ord(character) <= high), "Latn")
            counts[found] = counts.get(found, 0) + 1
    if "Hani" in counts and (mixed := {"Jpan", "Kore"} & set(counts)):
        script = mixed.pop()
        counts[script] += counts.pop("Hani")
    return max(counts, key=lambda name: counts[name], default="Latn")


def language_of(text: str, languages: tuple[str, ...]) -> str:
    """The tag of a text from a work in these languages (MARC codes).

    A text in another script is in the first of them that is written so; a Latin text of a work in another script is
    its transliteration (`ru-Latn`); where nothing fits, the script alone is told (`und-Cyrl`).
    """
    script = script_of(text)
    if script == "Latn":
        if not languages:
            return "und"
        first = languages[0]
        return f"{tag(first)}-Latn" if first in _NOT_LATIN else tag(first)
    written = WRITTEN_IN.get(script, ())
    found = next((code for code in languages if code in written), None)
    if found is None and len(written) == 1:
        found = written[0]
    return tag(found) if found is not None else f"und-{script}"
