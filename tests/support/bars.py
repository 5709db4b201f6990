"""Bars are read back: Code 39 by a table of its own, Code 128 by what three bars and three spaces stand for."""

from catalog.labels.bars import PATTERNS

THIRTY_NINE = {
    "bwbWBwBwb": "0", "BwbWbwbwB": "1", "bwBWbwbwB": "2", "BwBWbwbwb": "3", "bwbWBwbwB": "4",
    "BwbWBwbwb": "5", "bwBWBwbwb": "6", "bwbWbwBwB": "7", "BwbWbwBwb": "8", "bwBWbwBwb": "9", "BwbwbWbwB": "A",
    "bwBwbWbwB": "B", "BwBwbWbwb": "C", "bwbwBWbwB": "D", "BwbwBWbwb": "E", "bwBwBWbwb": "F", "bwbwbWBwB": "G",
    "BwbwbWBwb": "H", "bwBwbWBwb": "I", "bwbwBWBwb": "J", "BwbwbwbWB": "K", "bwBwbwbWB": "L", "BwBwbwbWb": "M",
    "bwbwBwbWB": "N", "BwbwBwbWb": "O", "bwBwBwbWb": "P", "bwbwbwBWB": "Q", "BwbwbwBWb": "R", "bwBwbwBWb": "S",
    "bwbwBwBWb": "T", "BWbwbwbwB": "U", "bWBwbwbwB": "V", "BWBwbwbwb": "W", "bWbwBwbwB": "X", "BWbwBwbwb": "Y",
    "bWBwBwbwb": "Z", "bWbwbwBwB": "-", "BWbwbwBwb": ".", "bWBwbwBwb": " ", "bWbwBwBwb": "*", "bWbWbWbwb": "$",
    "bWbWbwbWb": "/", "bWbwbWbWb": "+", "bwbWbWbWb": "%",
}  # fmt: skip
"""Bars and spaces, the wide ones in capitals."""


def read_39(modules: list[int]) -> str:
    text = ""
    for start in range(0, len(modules), 10):
        nine = modules[start : start + 9]
        told = "".join(
            ("b" if place % 2 == 0 else "w").upper() if width > 1 else ("b" if place % 2 == 0 else "w")
            for place, width in enumerate(nine)
        )
        text += THIRTY_NINE[told]
    return text


def read_128(modules: list[int]) -> str:
    """By the values that three bars and three spaces have, and the sum that they must come to."""
    values = [PATTERNS.index("".join(map(str, modules[at : at + 6]))) for at in range(0, len(modules) - 7, 6)]
    *told, check = values
    assert (told[0] + sum(place * value for place, value in enumerate(told[1:], 1))) % 103 == check
    text, by_pairs = "", told[0] == 105
    for value in told[1:]:
        if value == 99 and not by_pairs:
            by_pairs = True
        elif value == 100 and by_pairs:
            by_pairs = False
        else:
            text += f"{value:02d}" if by_pairs else chr(value + 32)
    return text
