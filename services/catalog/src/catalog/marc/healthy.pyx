"""`healthy.py` once more, byte by byte, for where it can be compiled.

Nothing here trusts the record: every offset is checked against the bytes' own length before it is used.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeASCII, PyUnicode_DecodeUTF8
from libc.string cimport memchr

from catalog.marc.record cimport Record

from catalog.marc.marc8 import decode_plain
from catalog.marc.record import composed

cdef extern from "Python.h":
    int PyUnicode_KIND(object text)

cdef enum:
    LEADER = 24
    ENTRY = 12

cdef list TAGS = [f"{number:03}" for number in range(1000)]


cdef inline bint is_digit(unsigned char byte) noexcept:
    return 48 <= byte <= 57


cdef inline bint is_letter_or_digit(unsigned char byte) noexcept:
    return 48 <= byte <= 57 or 65 <= byte <= 90 or 97 <= byte <= 122


cdef inline bint is_printable(unsigned char byte) noexcept:
    return 0x20 <= byte <= 0x7E


cdef Py_ssize_t number(const unsigned char *at, int count) noexcept:
    """So many digits as a number; -1 when one is none."""
    cdef Py_ssize_t told = 0
    cdef int place
    for place in range(count):
        if not is_digit(at[place]):
            return -1
        told = told * 10 + (at[place] - 48)
    return told


cdef bint is_leader(const unsigned char *at) noexcept:
    """Twenty-four characters as every MARC 21 record begins."""
    cdef int place
    for place in range(LEADER):
        if not is_printable(at[place]):
            return False
    return (
        number(at, 5) >= 0
        and number(at + 12, 5) >= 0
        and at[10] == 50 and at[11] == 50 and at[20] == 52 and at[21] == 53
    )


cdef bint is_fit(const unsigned char *at, Py_ssize_t size, bint is_control, bint *plain) noexcept:
    """Is a field's text what its kind may hold? `plain` becomes False when there is more than ASCII in it."""
    cdef Py_ssize_t place
    cdef unsigned char byte
    plain[0] = True
    if not is_control and (
        size < 4 or not is_printable(at[0]) or not is_printable(at[1]) or at[2] != 0x1F
    ):
        return False
    for place in range(size):
        byte = at[place]
        if byte >= 0x80:
            plain[0] = False
        elif byte == 0x7F:
            return False
        elif byte < 0x20:
            if byte == 0x1F:
                if is_control or place + 1 >= size or not 0x21 <= at[place + 1] <= 0x7E:
                    return False
            elif byte != 9 and byte != 10 and byte != 13:
                return False
    return True


cdef bint holds_reference(const unsigned char *at, Py_ssize_t size) noexcept:
    """Does `&#x` stand in it?"""
    cdef const unsigned char *end = at + size
    while True:
        at = <const unsigned char *>memchr(at, 38, end - at)
        if at == NULL or end - at < 3:
            return False
        if at[1] == 35 and at[2] == 120:
            return True
        at += 1


cdef inline bint follow(const unsigned char *at, const unsigned char *end, int count) noexcept:
    """Are there so many continuation bytes of UTF-8?"""
    if end - at < count:
        return False
    while count:
        if not 0x80 <= at[0] <= 0xBF:
            return False
        at += 1
        count -= 1
    return True


cdef bint looks_like_utf8(const unsigned char *at, Py_ssize_t size) noexcept:
    """Is there a character of several bytes as UTF-8 has them, in what claims to be MARC-8?"""
    cdef const unsigned char *end = at + size
    cdef unsigned char byte
    while at < end:
        byte = at[0]
        at += 1
        if byte < 0xC2:
            continue
        if byte <= 0xDF:
            if follow(at, end, 1):
                return True
        elif byte <= 0xEF:
            if follow(at, end, 2):
                return True
        elif byte <= 0xF4:
            if follow(at, end, 3):
                return True
    return False


cdef str text_of(const unsigned char *at, Py_ssize_t size, bint plain, bint utf8):
    """A field's text in NFC; None when a byte of it is wrong."""
    cdef str text
    if plain:
        return PyUnicode_DecodeASCII(<const char *>at, size, NULL)
    if utf8:
        try:
            text = PyUnicode_DecodeUTF8(<const char *>at, size, NULL)
        except UnicodeDecodeError:
            return None
    else:
        text, bad = decode_plain(at[:size])
        if bad:
            return None
    if PyUnicode_KIND(text) == 1:  # nothing beyond U+00FF is anything but its own composition
        return text
    return composed(text)


def healthy(bytes raw not None):
    """A record with nothing to say about it; None for one that needs a closer look."""
    cdef const unsigned char *at = <const unsigned char *>PyBytes_AS_STRING(raw)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(raw)
    if size < LEADER + ENTRY + 3 or not is_leader(at):
        return None
    cdef Py_ssize_t base = number(at + 12, 5)
    cdef Py_ssize_t end = size - 2  # the last field's terminator; the record's own stands behind it
    if base < LEADER + ENTRY + 1 or base > end or (base - LEADER - 1) % ENTRY:
        return None
    if at[base - 1] != 0x1E or at[end] != 0x1E:
        return None

    cdef bint utf8 = at[9] == 97
    cdef bint plain, is_control, in_controls = True
    cdef Py_ssize_t entry, start = base, length
    cdef const unsigned char *told
    cdef const unsigned char *found
    cdef str text
    cdef list tags = [], texts = [], kinds = []
    if not utf8 and (
        holds_reference(at + base, end - base) or looks_like_utf8(at + base, end - base)
    ):
        return None
    for entry in range(LEADER, base - 1, ENTRY):
        told = at + entry
        is_control = told[0] == 48 and told[1] == 48
        if is_control and not in_controls:
            return None
        in_controls = is_control
        found = <const unsigned char *>memchr(at + start, 0x1E, end + 1 - start) if start <= end else NULL
        if found == NULL:
            return None
        length = found - (at + start)
        # "LLLLSSSSS": the length with its terminator, and where the field begins behind the base address
        if number(told + 3, 9) != (length + 1) * 100_000 + start - base:
            return None
        if not is_fit(at + start, length, is_control, &plain):
            return None
        if is_digit(told[0]) and is_digit(told[1]) and is_digit(told[2]):
            tags.append(TAGS[(told[0] - 48) * 100 + (told[1] - 48) * 10 + told[2] - 48])
        elif is_letter_or_digit(told[0]) and is_letter_or_digit(told[1]) and is_letter_or_digit(told[2]):
            tags.append(PyUnicode_DecodeASCII(<const char *>told, 3, NULL))
        else:
            return None
        text = text_of(at + start, length, plain, utf8)
        if text is None:
            return None
        texts.append(text)
        kinds.append(False if is_control else None)
        start += length + 1
    if start != end + 1:
        return None

    cdef str leader = PyUnicode_DecodeASCII(<const char *>at, LEADER, NULL)
    cdef Record record = Record.__new__(Record)
    record.leader = leader if utf8 else f"{leader[:9]}a{leader[10:]}"
    record._unmade = (tags, texts, kinds)
    return record
