"""Dewey numbers by LC class: coarse, but a second way to browse."""

from typing import Final

_NUMBERS: Final = {
    "AP": "050", "AZ": "001.3", "B": "190", "BC": "160", "BF": "150", "BJ": "170", "BL": "200", "BM": "296",
    "BR": "270", "BT": "230", "CB": "909", "D": "940", "DA": "941", "DC": "944", "DD": "943", "DE": "909.09822",
    "DF": "938", "DG": "937", "DG5": "945", "DG8": "945.632", "DH": "949.2", "DJK": "947", "DK": "947",
    "DP": "946", "DS": "950", "DT": "960", "E": "973", "F": "972", "G": "912", "GA": "526", "GN": "306",
    "GT": "390", "HA": "310", "HB": "330", "HC": "330.9", "HD": "331", "HM": "301", "HN": "306", "HQ": "305.4",
    "HV": "364", "J": "320", "K": "340", "M": "780", "ML": "780.5", "N": "709", "P": "410", "PA": "880",
    "PB": "405", "PG": "891.7", "PG50": "891.86", "PG71": "891.85", "PH": "894.511", "PJ": "892.7",
    "PJ5": "892.4", "PL": "895.6", "PL2": "895.1", "PL248": "894.35", "PN": "809", "PN199": "791.43",
    "PQ": "843", "PQ4": "853", "PQ6": "863", "PQ7": "863", "PQ8": "863", "PQ9": "869.3", "PR": "823",
    "PS": "813", "PT": "833", "PT8": "839.8", "PT97": "839.7", "Q": "500", "QA": "510", "QA76": "005.1",
    "Q3": "006.3", "QB": "520", "QC": "530", "QD": "540", "QE": "551", "QH": "570", "QK": "580", "QL": "591",
    "QM": "611", "QP": "612", "R": "610", "T": "600", "TK": "621.382", "Z": "020", "Z1": "686.2", "Z2": "686.22",
    "JV": "325",
}  # fmt: skip


def dewey(shelf_class: str) -> str | None:
    """The number of the longest class that this one begins with."""
    for length in range(len(shelf_class), 0, -1):
        if number := _NUMBERS.get(shelf_class[:length]):
            return number
    return None
