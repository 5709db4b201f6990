"""ONIX-PL is read: what it says in our terms, and every element with a text that was not understood, by its path."""

from collections.abc import Iterator
from datetime import date
from typing import Final

from chassis.markup import Element, NotXml, read
from erm.onixpl.rules import (
    CONCURRENT,
    CONDITIONS,
    SPACE,
    STATED,
    STATUS_OF,
    STATUSES,
    USAGES,
    USE_OF,
    LicenceRead,
    Loss,
    TermRead,
    UsageForm,
    day_of,
    joined,
)

ELEMENTS: Final = 100_000
LICENCES: Final = 50
LOSSES: Final = 500
"""Of one licence that are told one by one."""
_OF_STATUS: Final = {code: use for use, code in STATUSES.items()}


def licences(body: bytes) -> list[LicenceRead]:
    """The licences of a message; `NotXml` when it is none."""
    root = read(body, elements=ELEMENTS, depth=30)
    if root.space != SPACE or root.name != "ONIXPublicationsLicenseMessage":
        raise NotXml(
            f"{root.name[:60]!r} of {root.space[:100]!r} is no ONIXPublicationsLicenseMessage of {SPACE}"
        )
    found = [each for each in root.children if each.name == "PublicationsLicenseExpression"]
    if not found or len(found) > LICENCES:
        raise NotXml(f"{len(found)} licences; 1 to {LICENCES} are taken at once")
    return [_Reader(each).licence() for each in found]


def _all(element: Element, *path: str) -> Iterator[Element]:
    """Elements by their path within another one."""
    first, *rest = path
    for child in element.children:
        if child.name == first:
            if rest:
                yield from _all(child, *rest)
            else:
                yield child


class _Reader:
    """One expression, and which of its elements were understood."""

    def __init__(self, root: Element) -> None:
        self.root = root
        self.used: set[int] = set()

    def _text(self, element: Element, *path: str) -> str | None:
        found = next(_all(element, *path), None)
        return self._take(found) if found is not None else None

    def _take(self, element: Element) -> str | None:
        self.used.add(id(element))
        return element.text or None

    def licence(self) -> LicenceRead:
        """All of it."""
        name = self._text(self.root, "LicenseDetail", "Description") or self._text(
            self.root, "ExpressionDetail", "Description"
        )
        told = LicenceRead((name or "A licence without a name")[:300])
        for path in (("ExpressionDetail", "ExpressionType"), ("ExpressionDetail", "ExpressionStatus")):
            self._text(self.root, *path)
        self._status(told)
        told.licensor = self._licensor()
        told.starts_on = self._day(told, "onixPL:LicenseStartDate")
        told.ends_on = self._day(told, "onixPL:LicenseEndDate")
        if told.starts_on and told.ends_on and told.ends_on < told.starts_on:
            text = f"It ends ({told.ends_on}) before it starts ({told.starts_on})."
            told.losses.append(Loss("ends-before-it-starts", text, "LicenseDetail/LicenseRelatedTimePoint"))
            told.ends_on = None
        for at, usage in enumerate(_all(self.root, "UsageTerms", "Usage"), 1):
            self._usage(told, usage, f"UsageTerms/Usage[{at}]")
        self._stated(told)
        told.losses += self._left(self.root, self.root.name)
        return told

    def _status(self, told: LicenceRead) -> None:
        code = self._text(self.root, "LicenseDetail", "LicenseStatus")
        if code is None:
            return
        if code in STATUS_OF:
            told.status = STATUS_OF[code]
        else:
            text = f"{code[:60]!r} is none of our states; it is taken for a draft."
            told.losses.append(Loss("status-unknown", text, "LicenseDetail/LicenseStatus"))

    def _licensor(self) -> str | None:
        labels = ["Licensor", "onixPL:Licensor"]
        for each in _all(self.root, "LicenseDetail", "LicenseRelatedAgent"):
            if self._code(each, "LicenseAgentRelator") == "onixPL:Licensor":
                self._text(each, "LicenseAgentRelator")
                labels += [told for one in _all(each, "RelatedAgent") if (told := self._take(one))]
        for each in _all(self.root, "Definitions", "AgentDefinition"):
            if self._code(each, "AgentLabel") in labels and (name := self._text(each, "AgentName", "Name")):
                for path in (("AgentLabel",), ("AgentType",), ("AgentName", "AgentNameType")):
                    self._text(each, *path)
                return name
        return labels[2] if len(labels) > 2 and not labels[2].startswith("onixPL:") else None

    @staticmethod
    def _code(element: Element, *path: str) -> str | None:
        found = next(_all(element, *path), None)
        return found.text if found is not None else None

    def _day(self, told: LicenceRead, relator: str) -> str | None:
        for each in _all(self.root, "LicenseDetail", "LicenseRelatedTimePoint"):
            if self._code(each, "LicenseTimePointRelator") != relator:
                continue
            self._text(each, "LicenseTimePointRelator")
            label = self._text(each, "RelatedTimePoint")
            for point in _all(self.root, "Definitions", "TimePointDefinition"):
                if self._code(point, "TimePointLabel") != label:
                    continue
                day = day_of(self._code(point, "TimePointIdentifier", "IDValue") or "")
                try:
                    found = date.fromisoformat(day or "").isoformat()
                except ValueError:
                    text = "It is no day of the form YYYYMMDD."
                    told.losses.append(Loss("day-unknown", text, f"TimePointDefinition[{label}]"))
                    continue
                for path in (("TimePointLabel",), ("TimePointIdentifier", "TimePointIDType")):
                    self._text(point, *path)
                self._text(point, "TimePointIdentifier", "IDValue")
                return found
        return None

    def _notes(self, element: Element) -> tuple[str | None, str | None]:
        """What is told readers (conditions), and what is ours (how it was understood)."""
        public: list[str | None] = []
        internal: list[str | None] = []
        for each in _all(element, "Annotation"):
            kind, text = self._text(each, "AnnotationType"), self._text(each, "AnnotationText")
            (public if kind == "onixPL:SpecialConditions" else internal).append(text)
        for name in CONDITIONS:
            for each in _all(element, name):
                codes = [self._take(one) for one in self._leaves(each)]
                internal.append(f"{name}: {', '.join(code for code in codes if code)}")
        return joined(public), joined(internal)

    def _leaves(self, element: Element) -> Iterator[Element]:
        if not element.children:
            yield element
        for child in element.children:
            yield from self._leaves(child)

    def _usage(self, told: LicenceRead, usage: Element, path: str) -> None:
        kind, status = self._code(usage, "UsageType"), self._code(usage, "UsageStatus")
        use = USE_OF.get(status or "")
        terms = [term for term, form in USAGES.items() if self._is(usage, form)]
        number = self._concurrent(usage)
        if use is None or not (terms or number):
            return  # all of it is told among what was not understood
        for name in ("UsageType", "UsageStatus"):
            self._text(usage, name)
        if status == "onixPL:InterpretedAsProhibited":
            text = "That it is an interpretation has no place here; it is taken for prohibited."
            told.losses.append(Loss("interpreted-as-prohibited", text, path))
        public, internal = self._notes(usage)
        for term in terms:
            form = USAGES[term]
            if form.sign is not None:
                self._signed(usage, form)
            told.say(TermRead(term, use, None, public, internal), path)
        if number is not None:
            told.say(TermRead(CONCURRENT, None, number), path)
        for each in _all(usage, "User"):
            if each.text in ("onixPL:AuthorizedUser", "onixPL:Licensee"):
                self._take(each)
        for each in _all(usage, "UsedResource"):
            if each.text == "onixPL:LicensedContent":
                self._take(each)
        assert kind is not None

    def _is(self, usage: Element, form: UsageForm) -> bool:
        if self._code(usage, "UsageType") not in (form.kind, *form.kinds_read):
            return False
        return form.sign is None or any(each.text == form.sign.code for each in _all(usage, *form.sign.path))

    def _signed(self, usage: Element, form: UsageForm) -> None:
        assert form.sign is not None
        for each in _all(usage, *form.sign.path):
            if each.text == form.sign.code:
                self._take(each)
        for name, code in form.around:
            for each in _all(usage, form.sign.path[0], name):
                if each.text == code:
                    self._take(each)

    def _concurrent(self, usage: Element) -> int | None:
        for each in _all(usage, "UsageQuantity"):
            value = self._code(each, "QuantityDetail", "Value") or ""
            if self._code(each, "UsageQuantityType") == "onixPL:NumberOfConcurrentUsers" and (
                value.isascii() and value.isdigit() and len(value) < 10
            ):
                for leaf in self._leaves(each):
                    self._take(leaf)
                return int(value)
        return None

    def _stated(self, told: LicenceRead) -> None:
        for term, form in STATED.items():
            for at, each in enumerate(_all(self.root, form.group, form.element), 1):
                if self._code(each, form.kind) != form.code:
                    continue
                status = self._code(each, "TermStatus")
                if status is not None and status not in _OF_STATUS:
                    continue
                self._text(each, form.kind)
                self._text(each, "TermStatus")
                public, internal = self._notes(each)
                use = _OF_STATUS[status] if status is not None else None
                value = (public or internal or "It is said in the licence") if use is None else None
                told.say(TermRead(term, use, value, public, internal), f"{form.group}/{form.element}[{at}]")

    def _left(self, element: Element, path: str) -> list[Loss]:
        """Every text that was not understood, in the order of the document; bounded, and that is told, too."""
        found = [
            Loss("not-understood", each.text[:300], where)
            for each, where in self._walked(element, path)
            if each.text and id(each) not in self.used
        ]
        if len(found) > LOSSES:
            more = Loss("more-lost", f"{len(found) - LOSSES} more elements were not understood.", path)
            return [*found[:LOSSES], more]
        return found

    def _walked(self, element: Element, path: str) -> Iterator[tuple[Element, str]]:
        yield element, path
        seen: dict[str, int] = {}
        for child in element.children:
            seen[child.name] = seen.get(child.name, 0) + 1
            yield from self._walked(child, f"{path}/{child.name}[{seen[child.name]}]")
