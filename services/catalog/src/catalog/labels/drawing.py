"""Labels on sheets of PDF: lines from the top, bars at the foot, nothing outside of its label."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from catalog.labels import rules
from catalog.labels.bars import QUIET, Unsayable, widths
from catalog.labels.documents import LabelTemplateDoc
from chassis.pdf import Line, Sheet, broken, sheets, whole, width_of
from chassis.problems import Reason

POINTS: Final = 72 / 25.4
"""Of a millimetre."""
LEADING: Final = 1.15
BENEATH: Final = 7.0
"""Size of what bars say, beneath them."""


class Labels:
    """Labels of one template, drawn one after the other."""

    def __init__(self, template: LabelTemplateDoc) -> None:
        self._template = template
        self._sheets: list[Sheet] = []
        self.faults: list[Reason] = []
        """What has no label, and why."""
        self.imperfect = 0
        """Labels on which something was left out that does not fit, or a letter is a box."""

    def draw(self, items: Sequence[Mapping[str, Any]], *, start: int) -> None:
        """These items' labels, from the start-th of the first sheet on."""
        told = self._template
        height = told.page_height_mm * POINTS
        across, down = told.label_width_mm + told.gap_x_mm, told.label_height_mm + told.gap_y_mm
        for item, place in zip(
            items,
            rules.places(
                rows=told.rows, columns=told.columns, start=start, count=len(items), top=told.top_mm,
                left=told.left_mm, across=across, down=down,
            ),
            strict=True,
        ):  # fmt: skip
            while len(self._sheets) <= place.sheet:
                self._sheets.append(Sheet(height, []))
            self._label(self._sheets[place.sheet], item, place)

    def pdf(self, *, at: datetime) -> bytes:
        """The file."""
        told = self._template
        return sheets(
            self._sheets,
            width=told.page_width_mm * POINTS,
            height=told.page_height_mm * POINTS,
            title=told.name,
            at=at,
        )

    def _label(self, sheet: Sheet, item: Mapping[str, Any], place: rules.Place) -> None:
        told = self._template
        x, y = ((told.padding_mm + side) * POINTS for side in (place.x, place.y))
        wide = (told.label_width_mm - 2 * told.padding_mm) * POINTS
        foot = (place.y + told.label_height_mm - told.padding_mm) * POINTS
        if told.bars is not None:
            foot = self._bars(sheet, item, x=x, foot=foot, wide=wide)
        perfect = True
        for line in told.lines:
            for text in rules.words(line.model_dump(), item):
                drawn = Line(text, line.size, line.bold, line.typewritten)
                perfect = perfect and whole(text)
                for part in broken(drawn, wide):
                    y += line.size * LEADING
                    if y > foot:
                        perfect = False
                        continue
                    row = Line(part, line.size, line.bold, line.typewritten)
                    sheet.write(row, x=self._from(row, x, wide), y=y)
        self.imperfect += not perfect

    def _from(self, line: Line, x: float, wide: float) -> float:
        return x + max(0.0, wide - width_of(line)) / 2 if self._template.align == "center" else x

    def _bars(self, sheet: Sheet, item: Mapping[str, Any], *, x: float, foot: float, wide: float) -> float:
        """Draw them; where the lines above must end."""
        bars = self._template.bars
        assert bars is not None
        text = item[bars.fact]
        if not text:
            words = f"Item {item['id']} has no {bars.fact.replace('_', ' ')}."
            self.faults.append(
                Reason("bars-of-nothing", words, mend="Give it one, or take another template.")
            )
            return foot
        try:
            modules = widths(text, bars.symbology)
        except Unsayable as problem:
            words = f"{text!r} of item {item['id']}: {problem}"
            self.faults.append(Reason("bars-unsayable", words, mend="Take another symbology."))
            return foot
        module = bars.module_mm * POINTS
        long = (sum(modules) + 2 * QUIET) * module
        if long > self._template.label_width_mm * POINTS:
            words = f"The bars of {text!r} take {long / POINTS:.0f} mm."
            mend = "Take wider labels, a narrower module_mm, or Code 128."
            self.faults.append(Reason("bars-too-wide", words, mend=mend))
            return foot
        if bars.text:
            beneath = Line(text, BENEATH, typewritten=True)
            sheet.write(beneath, x=x + max(0.0, wide - width_of(beneath)) / 2, y=foot)
            foot -= BENEATH * LEADING
        top = foot - bars.height_mm * POINTS
        at = x + (wide - sum(modules) * module) / 2
        for number, width in enumerate(modules):
            if number % 2 == 0:
                sheet.bar(x=at, y=top, width=width * module, height=bars.height_mm * POINTS)
            at += width * module
        return top - BENEATH * (LEADING - 1)
