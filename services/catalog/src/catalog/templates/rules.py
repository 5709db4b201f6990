"""What becomes of a template when a record is begun with it."""

from datetime import date
from typing import Final

from catalog.marc.record import Field, Record

OWN: Final = ("001", "003", "005")
"""A record's own numbers and the time of its last change: no template hands them on."""


def begun(template: Record, *, on: date) -> Record:
    """A new record: without numbers of its own, new (leader/05), entered today (008/00-05)."""
    leader = f"{template.leader[:5]}n{template.leader[6:]}" if len(template.leader) == 24 else template.leader
    fields = [
        Field.control("008", f"{on:%y%m%d}{field.value[6:]}")
        if field.tag == "008" and field.is_control
        else field
        for field in template
        if field.tag not in OWN
    ]
    return Record(leader, fields)
