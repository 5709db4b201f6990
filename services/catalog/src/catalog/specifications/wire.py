"""Findings on the wire."""

from collections.abc import Sequence

from pydantic import BaseModel

from catalog.specifications.rules import Finding, Severity


class FindingOut(BaseModel):
    """One fault of a record."""

    code: str
    severity: Severity
    where: str
    """Tag, which of several, and part: 650[2]$a, 245[1]/ind2, 008[1]/06; LDR is the leader."""
    tag: str
    occurrence: int
    """Which of the fields with this tag, counted from 1; 0 where none is there, and for the leader."""
    part: str | None
    text: str
    mend: str | None


def findings_out(findings: Sequence[Finding]) -> list[FindingOut]:
    """As they are told."""
    return [
        FindingOut(
            code=each.code,
            severity=each.severity,
            where=each.where,
            tag=each.tag,
            occurrence=each.occurrence,
            part=each.part,
            text=each.text,
            mend=each.mend,
        )
        for each in findings
    ]
