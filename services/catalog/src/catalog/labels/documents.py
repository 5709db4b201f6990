"""A sheet of labels, as configuration: its measures in millimetres, and what stands on each label."""

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from catalog.labels.bars import Symbology
from chassis.problems import Reason

Millimetres = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
Side = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
Fact = Literal[
    "call_number", "call_number_parts", "enumeration", "chronology", "year_caption", "volume", "copy_number",
    "library", "library_name", "location", "location_name", "title", "author", "barcode", "accession_number",
]  # fmt: skip
SLACK: Final = 0.01
"""Millimetres that a sheet may seem too small by, of adding tenths."""


class Strict(BaseModel):
    """Nothing that is not known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LabelLine(Strict):
    """A fact of the item on a label, broken where the label ends; none of an item that has none."""

    fact: Fact | None = None
    """`call_number_parts`: the call number as spines have it, part under part. Left out: `before` alone."""
    before: str = Field(default="", max_length=100)
    """Words in front of it: `c. `."""
    size: float = Field(default=10, ge=4, le=72)
    """In points."""
    bold: bool = False
    typewritten: bool = False
    """In Courier; otherwise in Helvetica."""


class LabelBars(Strict):
    """The barcode as bars, at the foot of the label."""

    symbology: Symbology = Symbology.CODE_39
    fact: Literal["barcode", "accession_number"] = "barcode"
    height_mm: float = Field(default=8, ge=3, le=100)
    module_mm: float = Field(default=0.33, ge=0.19, le=1)
    """How wide the narrowest bar is."""
    text: bool = True
    """What it says stands beneath, too."""


class LabelTemplateDoc(Strict):
    """Labels of one kind: rows and columns of a sheet, filled row by row."""

    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    page_width_mm: Side = 210
    page_height_mm: Side = 297
    rows: int = Field(ge=1, le=100)
    columns: int = Field(ge=1, le=50)
    top_mm: Millimetres = 0
    """From the sheet's edge to the first label."""
    left_mm: Millimetres = 0
    label_width_mm: Side
    label_height_mm: Side
    gap_x_mm: Millimetres = 0
    """Between one label and the next."""
    gap_y_mm: Millimetres = 0
    padding_mm: Millimetres = 2
    """Of a label, what stays white all around."""
    align: Literal["left", "center"] = "left"
    lines: list[LabelLine] = Field(default_factory=list, max_length=20)
    bars: LabelBars | None = None

    @property
    def key(self) -> str:
        """What identifies it in its section."""
        return self.code

    def row(self) -> dict[str, Any]:
        """As a statement takes it."""
        return {"code": self.code, "document": self.model_dump_json(exclude={"code"})}

    @property
    def per_page(self) -> int:
        """Labels of a sheet."""
        return self.rows * self.columns

    def flaws(self, place: str) -> Iterator[Reason]:
        """What does not fit: labels on the sheet, or anything on a label."""
        wide = self.left_mm + self.columns * self.label_width_mm + (self.columns - 1) * self.gap_x_mm
        tall = self.top_mm + self.rows * self.label_height_mm + (self.rows - 1) * self.gap_y_mm
        for told, page, name in (
            (wide, self.page_width_mm, "page_width_mm"),
            (tall, self.page_height_mm, "page_height_mm"),
        ):
            if told > page + SLACK:
                words = f"The labels take {told:g} mm, the sheet has {page:g}."
                yield Reason("labels-beyond-sheet", words, f"{place}/{name}")
        room = min(self.label_width_mm, self.label_height_mm) - 2 * self.padding_mm
        if room <= 0:
            yield Reason("label-all-padding", "Nothing is left within the padding.", f"{place}/padding_mm")
        if self.bars is not None and self.bars.height_mm > self.label_height_mm - 2 * self.padding_mm + SLACK:
            yield Reason("bars-too-high", "The bars are higher than the label.", f"{place}/bars/height_mm")
        if not self.lines and self.bars is None:
            yield Reason("label-empty", "Nothing stands on these labels.", f"{place}/lines")
        for number, line in enumerate(self.lines):
            if line.fact is None and not line.before.strip():
                yield Reason("line-empty", "The line says nothing.", f"{place}/lines/{number}")


SHIPPED: Final = (
    LabelTemplateDoc(
        code="spine",
        name="Spines, 65 on A4 (38.1 by 21.2 mm)",
        rows=13,
        columns=5,
        top_mm=10.7,
        left_mm=4.7,
        label_width_mm=38.1,
        label_height_mm=21.2,
        gap_x_mm=2.5,
        padding_mm=1,
        lines=[
            LabelLine(fact="call_number_parts", size=8, bold=True),
            LabelLine(fact="volume", size=8),
            LabelLine(fact="copy_number", before="c. ", size=8),
        ],
    ),
    LabelTemplateDoc(
        code="barcode",
        name="Barcodes, 24 on A4 (70 by 37 mm)",
        rows=8,
        columns=3,
        left_mm=0,
        top_mm=0.5,
        label_width_mm=70,
        label_height_mm=37,
        padding_mm=3,
        align="center",
        lines=[LabelLine(fact="library_name", size=8), LabelLine(fact="title", size=7)],
        bars=LabelBars(symbology=Symbology.CODE_128, height_mm=12),
    ),
)
"""They have no row until somebody writes label templates."""
