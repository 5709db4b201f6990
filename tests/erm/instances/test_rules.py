"""Which title a list's row is about, by example."""

from uuid import UUID

import pytest

from erm.instances.rules import Known, Match, Name, Question, Title, Wanted, folded, followed, match

A, B, P, Q = (Title(UUID(int=n), UUID(int=w), "serial", m) for n, w, m in (
    (1, 10, "electronic"), (2, 20, "electronic"), (3, 10, "print"), (4, 40, "print"),
))  # fmt: skip
ONLINE, OTHER, OWN = Name("issn", "2049-3630"), Name("issn", "1476-4687"), Name("title-id:x", "acta")
PRINTED, ALONE = Name("issn", "0306-4522", "print"), Name("issn", "1554-8627", "print")
NEW = Name("issn", "1932-6203")


def known() -> Known:
    """A and its sibling P in print; B; and Q, which is only in print."""
    found = Known()
    for title, names in ((A, [ONLINE, OWN]), (B, [OTHER]), (P, [PRINTED]), (Q, [ALONE])):
        found.add(title, names)
    found.by_name["serial", "acta"] = [A]
    return found


def asked(*online: Name, printed: Name | None = None, name: str = "acta") -> Wanted:
    return Wanted("serial", name, online, printed)


@pytest.mark.parametrize(
    ("wanted", "listed", "taken", "found"),
    [
        (asked(ONLINE), None, set(), Match(A, A.work_id, ())),
        (asked(OWN), None, set(), Match(A, A.work_id, ())),
        (asked(NEW, OWN), None, set(), Match(A, A.work_id, (NEW,))),
        (asked(NEW), None, set(), Match(None, None, (NEW,))),
        (asked(), None, set(), Match(A, A.work_id, ())),
        (asked(name="nova acta"), None, set(), Match(None, None, ())),
        # siblings: one work, never one title
        (asked(Name("title-id:x", "new"), printed=PRINTED), None, set(),
         Match(A, A.work_id, (Name("title-id:x", "new"),))),
        (asked(NEW, printed=PRINTED), None, set(), Match(None, A.work_id, (NEW,))),
        (asked(Name("issn", "1554-8627")), None, set(), Match(None, Q.work_id, (Name("issn", "1554-8627"),))),
        (asked(ONLINE, printed=ALONE), None, set(), Match(A, A.work_id, (), (), Q.work_id)),
        # what is not sure
        (asked(ONLINE, OTHER), None, set(),
         Match(A, A.work_id, (), ((Question.IDENTIFIERS_DISAGREE, B.id),))),
        (asked(OTHER), A, set(), Match(A, A.work_id, (), ((Question.IDENTIFIERS_DISAGREE, B.id),))),
        (asked(OTHER, printed=PRINTED), None, set(),
         Match(B, B.work_id, (), ((Question.IDENTIFIERS_DISAGREE, A.id),))),
        (asked(ONLINE, NEW), None, {A.id}, Match(None, None, (NEW,), ((Question.IDENTIFIER_SHARED, A.id),))),
        (asked(ONLINE), A, {A.id}, Match(A, A.work_id, ())),
    ],
    ids=[
        "number", "the provider's id", "a second number", "unknown", "only the name", "only another name",
        "by the print sibling", "another edition of the work", "the same number in print", "a print title alone joins",
        "two titles", "the list had it before", "print says otherwise", "named elsewhere in the list", "its own",
    ],
)  # fmt: skip
def test_which_title_it_is(wanted: Wanted, listed: Title | None, taken: set[UUID], found: Match) -> None:
    assert match(wanted, known(), listed=listed, taken=taken) == found


def test_a_title_follows_its_list_until_somebody_changes_it() -> None:
    kept = dict.fromkeys(("first_author", "first_editor", "edition", "volume", "published_print"))
    kept |= {"name": "Acta", "publisher": "Ours", "published_online": None}
    was = {"publication_title": "Acta", "publisher_name": "Theirs"}

    changes = followed(kept, was, {"publication_title": "Acta Nova", "publisher_name": "Next"})

    assert changes == {"name": "Acta Nova"}


@pytest.mark.parametrize(
    ("name", "becomes"),
    [
        ("The Éclair: a Journal!", "the eclair a journal"),
        ("Straße & Co.", "strasse co"),
        ("中文 期刊", "中文 期刊"),
        ("¿?", ""),
        ("x" * 400, "x" * 300),
    ],
)
def test_names_are_sorted_without_marks(name: str, becomes: str) -> None:
    assert folded(name) == becomes
