"""MARC 21 as a table: which fields there are, how often, with which indicators and subfields.

A line is tag, R (repeatable) or N (once), the first and the second indicator's values (`#` for blank, ranges with a
hyphen), and the subfields' codes, with `+` behind those that may be repeated. After the MARC 21 Format for
Bibliographic Data and the MARC 21 Format for Holdings Data (Library of Congress), in our own arrangement; where a
value is obsolete but stands in many records, it is let pass.
"""

from typing import Final

CONTROL: Final = {"001": False, "003": False, "005": False, "006": True, "007": True, "008": False}
"""Control fields of a bibliographic record, and whether each may be repeated."""
HOLDINGS_CONTROL: Final = {
    "001": False, "003": False, "004": False, "005": False, "006": True, "007": True, "008": False,
}  # fmt: skip

_PERSON: Final = "abc+defgj+k+l n+p+qtu0+1+2 4+6 8+".replace(" ", "")
_SUBJECT: Final = "v+x+y+z+"

BIBLIOGRAPHIC: Final = f"""
010 N # # ab+z+8+
013 R # # abcd+e+f+6 8+
015 R # # a+q+z+2 6 8+
016 R #7 # az+2 8+
017 R # #8 a+bdiz+2 6 8+
018 N # # a6 8+
020 R # # acq+z+6 8+
022 R #01 # alm+y+z+0+1+2 6 8+
023 R 01 # ay+z+0+1+2 6 8+
024 R 0-478 #01 acdq+z+0+1+2 6 8+
025 R # # a+8+
026 R # # abcd+e2 5+6 8+
027 R # # aq+z+6 8+
028 R 0-6 0-3 abq+6 8+
030 R # # az+6 8+
031 R # # abcd+egmn+opq+rs+t+u+y+z+2 6 8+
032 R # # ab6 8+
033 R #0-2 #0-2 a+b+c+p+0+1+2+3 6 8+
034 R 013 #01 ab+c+defghjkmnprs+t+xyz0+1+2 3 6 8+
035 R # # az+6 8+
036 N # # ab6 8+
037 R #23 # abc+f+g+n+35+6 8+
038 N # # a6 8+
040 N # # abcd+e+6 8+
041 R #01 #7 a+b+d+e+f+g+h+i+j+k+m+n+p+q+r+t+26 8+
042 N # # a+2+
043 N # # a+b+c+0+1+2+6 8+
044 N # # a+b+c+2+6 8+
045 N #0-2 # a+b+c+6 8+
046 R # # abcdejklmnopx+z+2 3 6 8+
047 R # #7 a+2 8+
048 R # #7 a+b+2 8+
050 R #01 #04 a+b01+3 6 8+
051 R # # abc8+
052 R #17 # ab+d+0+1+2 6 8+
055 R #01 0-9 ab01+2 6 8+
060 R #01 #04 a+b01+8+
061 R # # a+bc8+
066 N # # abc+
070 R 01 # a+b01+8+
071 R # # a+bc8+
072 R # 07 ax+2 6 8+
074 R # # az+8+
080 R #01 # abx+0+1+2 6 8+
082 R 017 #04 a+bmq2 6 8+
083 R 017 # a+c+mqy+z+2 6 8+
084 R # # a+bq0+1+2 6 8+
085 R # # a+b+c+f+r+s+t+u+v+w+y+z+0+1+6 8+
086 R #01 # az+0+1+2 6 8+
088 R # # az+6 8+
100 N 013 # {_PERSON}
110 N 0-2 # ab+c+d+efgk+ln+p+tu0+1+2 4+6 8+e+
111 N 0-2 # ac+d+e+fgj+k+ln+p+qtu0+1+2 4+6 8+
130 N 0-9 # ad+fghk+lm+n+op+rst0+1+2 6 8+
210 R 01 #0 ab2+6 8+
222 R # 0-9 ab6 8+
240 N 01 0-9 ad+fghk+lm+n+op+rs+0+1+2 6 8+
242 R 01 0-9 abchn+p+y6 8+
243 N 01 0-9 ad+fghk+lm+n+op+rs6 8+
245 N 01 0-9 abcfghk+n+ps6 8+p+
246 R 0-3 #0-8 abfghin+p+5 6 8+
247 R 01 01 abfghn+p+x6 8+
250 R # # ab3 6 8+
251 R # # a+0+1+2 3 6 8+
254 N # # a6 8+
255 R # # abcdefg6 8+
256 N # # a6 8+
257 R # # a+0+1+2 6 8+
258 R # # ab6 8+
260 R #23 # a+b+c+e+f+g+3 6 8+
263 N # # a6 8+
264 R #23 0-4 a+b+c+3 6 8+
270 R #12 #07 a+bcdefghi+j+k+l+m+n+p+q+r+z+4+6 8+
300 R # # a+bc+ef+g+3 6 8+
306 N # # a+6 8+
307 R #8 # ab6 8+
310 R # # ab0 1+2 6 8+
321 R # # ab0 1+2 6 8+
334 R # # ab0 1+2 6 8+
335 R # # a+b+0+1+2 3 6 8+
336 R # # a+b+0+1+2 3 6 8+
337 R # # a+b+0+1+2 3 6 8+
338 R # # a+b+0+1+2 3 6 8+
340 R # #0-9 a+b+c+d+e+f+g+h+i+j+k+l+m+n+o+p+q+s+t+0+1+2 3 6 8+
341 R #01 # ab+c+d+e+2 3 6 8+
342 R 01 0-8 abcdefghijklmnopqrstuvw2 6 8+
343 R # # abcdefghi6 8+
344 R # # a+b+c+d+e+f+g+h+i+j+0+1+2 3 6 8+
345 R # # a+b+c+d+0+1+2 3 6 8+
346 R # # a+b+0+1+2 3 6 8+
347 R # # a+b+c+d+e+f+0+1+2 3 6 8+
348 R # # a+b+c+d+0+1+2 3 6 8+
351 R # # a+b+c3 6 8+
352 R # # ab+cdefghiq+6 8+
353 R # # a+b+0+1+2 3 6 8+
355 R 0-58 # ab+c+def+ghj6 8+
357 N # # ab+c+g+6 8+
361 R 0-2 # afkloxs+u+y+z+5 6 8+
362 R 01 # az6 8+
363 R #01 #01 abcdefghijklmuvx+z+6 8+
365 R # # abcdefghijkm2 6 8+
366 R # # abcdefgjkm2 6 8+
370 R # # c+f+g+i+s+t+u+v+0+1+2 3 4+6 8+
377 R # #7 a+l+2 6 8+
380 R # # a+0+1+2 3 6 8+
381 R # # a+u+v+0+1+2 3 6 8+
382 R #0-3 #01 a+b+d+e+nn+p+r s t v+0+1+2 3 6 8+
383 R # # a+b+c d+e 2 3 6 8+
384 R #01 # a3 6 8+
385 R # # a+b+mn0+1+2 3 6 8+
386 R # # a+b+i+mn0+1+2 3 4+6 8+
387 R # # a+b+c+d+e+f+g+h+i+j+k+l+m+0+1+2 3 6 8+
388 R #12 # a+0+1+2 3 6 8+
440 R # 0-9 an+p+v w+x 0+1+6 8+
490 R 01 # a+lv+x+y+z+3 6 8+
500 R # # a3 5 6 8+
501 R # # a5 6 8+
502 R # # abcdg+o+6 8+
504 R # # ab6 8+
505 R 0-28 #0 ag+r+t+u+6 8+
506 R #01 # abb+c+d+e+fg+q u+2+3 5 6 8+
507 N # # ab6 8+
508 R # # a6 8+
510 R 0-4 # abcu+x3 6 8+
511 R 01 # a6 8+
513 R # # ab6 8+
514 R # # ab+c+d e+f g+h+i+j+k+m u+z+6 8+
515 R # # a6 8+
516 R #8 # a6 8+
518 R # # ad+o+p+0+1+2+3 6 8+
520 R #0-48 # abcu+2 3 6 8+
521 R #0-48 # a+b3 6 8+
522 R #8 # a6 8+
524 R #8 # a2 3 6 8+
525 R # # a6 8+
526 R 08 # abcdix+z+5 6 8+
530 R # # abcdu+3 6 8+
532 R 0-28 # a3 6 8+
533 R # # ab+c+def+mn+y+3 5 7 6 8+
534 R # # abcef+klmn+o+pt x+z+3 6 8+
535 R 12 # ab+c+d+g3 6 8+
536 R # # ab+c+d+e+f+g+h+6 8+
538 R # # aiu+3 5 6 8+
540 R #01 # abcdf+gq u+2 3 5 6 8+
541 R #01 # abcdefhn+o+3 5 6 8+
542 R #01 # abcd+e+fgh+i jk+l m n+o p+q r s u+3 6 8+
544 R #01 # a+b+c+d+e+n+3 6 8+
545 R #01 # abu+6 8+
546 R # # ab+3 6 8+
547 R # # a6 8+
550 R # # a6 8+
552 R # # abcdefghijklmnopu+z 6 8+
555 R #08 # ab+cdu+3 6 8+
556 R #8 # az+6 8+
561 R #01 # au+3 5 6 8+
562 R # # a+b+c+d+e+3 5 6 8+
563 R # # au+3 5 6 8+
565 R #08 # ab+c+d+e+3 6 8+
567 R #8 # ab+0+1+2 6 8+
580 R # # a6 8+
581 R #8 # az+3 6 8+
583 R #01 # ab+c+d+e+f+h+i+j+k+l+n+o+u+x+z+2 3 5 6 8+
584 R # # a+b+3 5 6 8+
585 R # # a3 5 6 8+
586 R #8 # a3 6 8+
588 R #01 # a5 6 8+
600 R 013 0-7 {_PERSON}ho+m+rs+{_SUBJECT}3
610 R 0-2 0-7 ab+c+d+e+fgh k+l m+n+o p+r s+t u {_SUBJECT}0+1+2 3 4+6 8+
611 R 0-2 0-7 ac+d+e+fg+h j+k+l n+p+q s+t u {_SUBJECT}0+1+2 3 4+6 8+
630 R 0-9 0-7 ad+e+fgh k+l m+n+o p+r s+t {_SUBJECT}0+1+2 3 4+6 8+
647 R # 0-7 ac+dg+{_SUBJECT}0+1+2 3 6 8+
648 R # 0-7 a{_SUBJECT}0+1+2 3 6 8+
650 R #0-2 0-7 ab+c d e+g+{_SUBJECT}0+1+2 3 4+6 8+
651 R # 0-7 ab+e+g+{_SUBJECT}0+1+2 3 4+6 8+
653 R #0-2 #0-6 a+0+1+6 8+
654 R #0-2 # a+b+c+e+v+y+z+0+1+2 3 4+6 8+
655 R #0 0-7 ab+c+{_SUBJECT}0+1+2 3 5 6 8+
656 R # 7 ak{_SUBJECT}0+1+2 3 6 8+
657 R # 7 a{_SUBJECT}0+1+2 3 6 8+
658 R # # ab+c d 2 6 8+
662 R # # a+b c+d e+f+g+h+0+1+2 4+6 8+
688 R # #7 ag+0+1+2 3 4+6 8+
700 R 013 #2 {_PERSON}hi+m+o r s+x3 5
710 R 0-2 #2 ab+c+d+e+f g h i+k+l m+n+o p+r s+t u x 0+1+2 3 4+5 6 8+
711 R 0-2 #2 ac+d+e+f g+h i+j+k+l n+p+q s+t u x 0+1+2 3 4+5 6 8+
720 R #12 # ae+4+6 8+
730 R 0-9 #2 ad+f g h i+k+l m+n+o p+r s+t x 0+1+2 3 4+5 6 8+
740 R 0-9 #2 ahn+p+5 6 8+
751 R # # ae+g+0+1+2 3 4+6 8+
752 R # # a+b c+d e+f+g+h+0+1+2 4+6 8+
753 R # # a b c 0+1+2 6 8+
754 R # # a+c+d+x+z+0+1+2 6 8+
758 R # # a i+0+1+3 4+5+6 8+
760 R 01 #08 a b c d g+h i+m n+o+s t w+x y 4+6 7 8+
762 R 01 #08 a b c d g+h i+m n+o+s t w+x y 4+6 7 8+
765 R 01 #08 a b c d g+h i+k+m n+o+r+s t u w+x y z+4+6 7 8+
767 R 01 #08 a b c d g+h i+k+m n+o+r+s t u w+x y z+4+6 7 8+
770 R 01 #08 a b c d g+h i+k+m n+o+r+s t u w+x y z+4+6 7 8+
772 R 01 #08 a b c d g+h i+k+m n+o+r+s t u w+x y z+4+6 7 8+0
773 R 01 #08 a b d g+h i+k+m n+o+p q r+s t u w+x y z+3 4+6 7 8+
774 R 01 #08 a b c d g+h i+k+m n+o+r+s t u w+x y z+4+6 7 8+
775 R 01 #08 a b c d e f g+h i+k+m n+o+r+s t u w+x y z+4+6 7 8+
776 R 01 #08 a b c d g+h i+k+m n+o+r+s t u w+x y z+4+6 7 8+
777 R 01 #08 a b c d g+h i+k+m n+o+s t w+x y 4+6 7 8+
780 R 01 0-7 a b c d g+h i+k+m n+o+r+s t u w+x y z+4+6 7 8+
785 R 01 0-8 a b c d g+h i+k+m n+o+r+s t u w+x y z+4+6 7 8+
786 R 01 #08 a b c d g+h i+j k+m n+o+p r+s t u v w+x y z+4+6 7 8+
787 R 01 #08 a b c d g+h i+k+m n+o+r+s t u w+x y z+4+6 7 8+
800 R 013 # {_PERSON}hm+o r s+v w+x 3 5 7
810 R 0-2 # ab+c+d+e+f g h k+l m+n+o p+r s+t u v w+x 0+1+2 3 4+5+6 7 8+
811 R 0-2 # ac+d+e+f g h j+k+l n+p+q s+t u v w+x 0+1+2 3 4+5+6 7 8+
830 R # 0-9 ad+f g h k+l m+n+o p+r s+t v w+x 0+1+2 3 5+6 7 8+
841 N # # a+b+e+
850 R # # a+
852 R #0-8 #0-2 ab+c+d+e+f+g+hi+jk+l m+n p q s+t u+x+z+2 3 6 8+
856 R #0-47 #0-48 ac+d+e+f+g+h i+l+m+n+o p+q+r+s+t+u+v+w+x+y+z+2 3 6 7+8+
857 R #147 #0-48 b+c+d+e+f+g+h+i+l+m+n+q+r+s+t+u+x+y+z+2 3 5 6 7+8+
880 R ? ? *
881 R # # a+b+c+d+e+f+g+h+i+j+k+l+m+n+0+1+2 3 6 8+
882 N # # a+i+w+6 8+
883 R #012 # a c d q u w+x 0+1+8+
884 R # # a g k q u+
885 R # # a b c d w+x+z+0+1+2 5
886 R 0-2 # *
887 R # # a 2
"""

OBSOLETE: Final = frozenset({"440"})
"""Let pass, with a warning."""

HOLDINGS: Final = """
010 N # # ab+z+8+
014 R 01 # ab+6 8+
016 R #7 # az+2 8+
017 R # #8 a+bdiz+2 6 8+
020 R # # acq+z+6 8+
022 R #01 # alm+y+z+2 6 8+
024 R 0-478 #01 acdq+z+2 6 8+
027 R # # aq+z+6 8+
030 R # # az+6 8+
035 R # # az+6 8+
040 N # # abcd+e+6 8+
066 N # # abc+
337 R # # a+b+0+1+2 3 6 8+
338 R # # a+b+0+1+2 3 6 8+
506 R #01 # abb+c+d+e+fg+q u+2+3 5 6 8+
538 R # # aiu+3 5 6 8+
541 R #01 # abcdefhn+o+3 5 6 8+
561 R #01 # au+3 5 6 8+
562 R # # a+b+c+d+e+3 5 6 8+
563 R # # au+3 5 6 8+
583 R #01 # ab+c+d+e+f+h+i+j+k+l+n+o+u+x+z+2 3 5 6 8+
841 N # # a+b+e+
842 N # # a6 8+
843 R # # ab+c+d e f+m+n+3 5 7 6 8+
844 N # # a6 8+
845 R # # ab c d f+g q u+2 3 5 6 8+
852 R #0-8 #0-2 ab+c+d+e+f+g+hi+jk+l m+n p q s+t u+x+z+2 3 6 8+
853 R #0-3 #0-3 abcdefghijklmn+op+tu+v+wx+y+z+3 6 8+
854 R #0-3 #0-3 abcdefghijklmn+op+tu+v+wx+y+z+3 6 8+
855 R #0-3 #0-3 abcdefghijklmn+op+tu+v+wx+y+z+3 6 8+
856 R #0-47 #0-48 ac+d+e+f+g+h i+l+m+n+o p+q+r+s+t+u+v+w+x+y+z+2 3 6 7+8+
863 R #3-5 #0-4 abcdefghijklmn+op+qs+tv+w x+z+6 8+
864 R #3-5 #0-4 abcdefghijklmn+op+qs+tv+w x+z+6 8+
865 R #45 #13 abcdefghijklmn+op+qs+tv+w x+z+6 8+
866 R #3-5 #01278 ax+z+2 6 8+
867 R #3-5 #01278 ax+z+2 6 8+
868 R #3-5 #01278 ax+z+2 6 8+
876 R # # ab+c+d+e+hj+l+p+r+tx+z+3 6 8+
877 R # # ab+c+d+e+hj+l+p+r+tx+z+3 6 8+
878 R # # ab+c+d+e+hj+l+p+r+tx+z+3 6 8+
880 R ? ? *
881 R # # a+b+c+d+e+f+g+h+i+j+k+l+m+n+0+1+2 3 6 8+
883 R #012 # a c d q u w+x 0+1+8+
884 R # # a g k q u+
"""

LEADER: Final = {
    "bibliographic": {
        5: "acdnp",
        6: "acdefgijkmoprt",
        7: "abcdims",
        8: " a",
        9: " a",
        17: " 1234578uz",
        18: " acinu",
        19: " abc",
    },
    "holdings": {5: "cdn", 6: "uvxy", 9: " a", 17: "12345muz", 18: " in"},
}
"""Values by position; a leader is 24 characters long."""

_AUDIENCE: Final = " abcdefgj|"
_FORM: Final = " abcdfoqrs|"
_ONLY: Final = "01|"
_GOVERNMENT: Final = " acfilmosuz|"
_CONTENTS: Final = " abcdefghijklmnopqrstuvwxyz256|"
COMMON_008: Final = {6: "bcdeikmnpqrstu|", 38: " dorsx|", 39: " abcdu|"}
FIXED_008: Final = {
    "books": {
        **dict.fromkeys(range(18, 22), " abcdefghijklmop|"),
        22: _AUDIENCE,
        23: _FORM,
        **dict.fromkeys(range(24, 28), _CONTENTS),
        28: _GOVERNMENT,
        29: _ONLY,
        30: _ONLY,
        31: _ONLY,
        33: " 01cdefhijmpsu|",
        34: " abcd|",
    },
    "files": {22: _AUDIENCE, 23: " oq|", 26: "abcdefghijmuz|", 28: _GOVERNMENT},
    "maps": {
        **dict.fromkeys(range(18, 22), " abcdefgijkmz|"),
        25: "abcdefguz|",
        28: _GOVERNMENT,
        29: _FORM,
        31: _ONLY,
        33: " ejklnoprz|",
        34: " ejklnoprz|",
    },
    "music": {
        20: " abcdeghijklmnpuz|",
        21: " defnu|",
        22: _AUDIENCE,
        23: _FORM,
        **dict.fromkeys(range(24, 30), " abcdefghikrsz|"),
        30: " abcdefghijklmnoprstz|",
        31: " abcdefghijklmnoprstz|",
        33: " abcnu|",
    },
    "continuing": {
        18: " abcdefghijkmqstuwz|",
        19: " nrux|",
        21: " dghjlmnprstw|",
        22: " abcdefghijkopqsxz|",
        23: _FORM,
        **dict.fromkeys(range(24, 28), _CONTENTS),
        28: _GOVERNMENT,
        29: _ONLY,
        33: " abcdefghijkluz|",
        34: "012|",
    },
    "visual": {22: _AUDIENCE, 28: _GOVERNMENT, 29: _FORM, 33: "abcdfgiklmnopqrstvwz|", 34: "aclnuz|"},
    "mixed": {23: _FORM},
}
"""Values of 008/18-34 by kind of material; positions that hold pairs, triples or numbers are not looked at."""
HOLDINGS_008: Final = {
    6: "0123456",
    7: "acdefglmnpqtuz|",
    12: "012345678",
    16: "01234",
    20: "abclu|",
    21: "abclu|",
    25: "01",
}
LENGTH_007: Final = {
    "a": 8, "c": 14, "d": 6, "f": 10, "g": 9, "h": 13, "k": 6, "m": 23, "o": 2, "q": 2, "r": 11, "s": 14, "t": 2,
    "v": 9, "z": 2,
}  # fmt: skip
"""Characters of 007 by its first; shorter ones of earlier years are let pass where nothing else is wrong."""
