"""Label templates to choose from, and sheets of labels to print."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from catalog.labels import queries
from catalog.labels.documents import LabelTemplateDoc
from catalog.labels.drawing import Labels
from catalog.labels.rules import MOST
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import ReadTx
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, Reason, Unauthenticated, problems

router = new_router(tag="labels")

MayPrint = Annotated[Principal, Depends(may("items:read"))]
PDF: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}},
        "description": "Sheets to print; Carrel-Findings counts labels on which something was left out or is a box",
    }
}


class TemplatesOut(BaseModel):
    """By code."""

    items: list[LabelTemplateDoc]


class SheetsIn(BaseModel):
    """Whose labels: items by id or barcode in this order, those of holdings in theirs, or a list's along the shelf."""

    model_config = ConfigDict(extra="forbid")

    template: str = Field(max_length=40)
    item_ids: list[UUID] = Field(default_factory=list, max_length=MOST)
    barcodes: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(
        default_factory=list, max_length=MOST
    )
    holdings_id: UUID | None = None
    list_id: UUID | None = None
    start: int = Field(default=1, ge=1, le=5_000)
    """The first label of the sheet that is still there, counted row by row."""
    copies: int = Field(default=1, ge=1, le=20)
    """Of each label."""

    @model_validator(mode="after")
    def one(self) -> "SheetsIn":
        """Exactly one way to say whose."""
        told = (self.item_ids, self.barcodes, self.holdings_id is not None, self.list_id is not None)
        if sum(map(bool, told)) != 1:
            raise ValueError("name one: item_ids, barcodes, holdings_id or list_id")
        return self


@router.get(
    "/v1/label-templates", response_model=TemplatesOut, responses=problems(Unauthenticated, Forbidden)
)
async def list_label_templates(tx: ReadTx, _: MayPrint) -> TemplatesOut:
    """Every template: those in the catalogue's configuration (`label_templates`), or the shipped ones."""
    return TemplatesOut(items=await queries.templates(tx))


@router.post(
    "/v1/label-sheets",
    response_class=Response,
    responses=PDF | problems(Unauthenticated, Forbidden, Invalid),
)
async def print_labels(body: SheetsIn, tx: ReadTx, by: MayPrint, now: Now) -> Response:
    """Labels of items on sheets of PDF. Nothing is written: the same question gives the same sheets. Everything that
    cannot have its label is told at once, and then nothing is printed."""
    template = next((each for each in await queries.templates(tx) if each.code == body.template), None)
    reasons = []
    if template is None:
        reasons.append(Reason("template-unknown", f"There is no template {body.template!r}.", "/template"))
    elif body.start > template.per_page:
        words = f"A sheet has {template.per_page} labels."
        reasons.append(Reason("start-beyond-sheet", words, "/start"))
    ids, unknown = await _wanted(tx, body, str(by.actor))
    items = await queries.facts(tx, ids)
    unknown += [
        Reason("item-unknown", f"There is no item {each}.", f"/item_ids/{place}")
        for place, each in enumerate(ids)
        if each not in items
    ]
    if len(ids) * body.copies > MOST:
        words = f"Up to {MOST} labels are printed at a time."
        reasons.append(Reason("too-many-labels", words, value=len(ids) * body.copies, limit=MOST))
    if template is None or reasons or unknown:
        raise Invalid("Nothing was printed.", reasons=[*reasons, *unknown])
    labels = Labels(template)
    labels.draw([items[each] for each in ids for _ in range(body.copies)], start=body.start)
    if labels.faults:
        raise Invalid("Nothing was printed.", reasons=list(dict.fromkeys(labels.faults)))
    headers = {"Content-Disposition": f'inline; filename="{template.code}.pdf"'}
    if labels.imperfect:
        headers["Carrel-Findings"] = str(labels.imperfect)
    return Response(labels.pdf(at=now), headers=headers, media_type="application/pdf")


async def _wanted(tx: ReadTx, body: SheetsIn, by: str) -> tuple[list[UUID], list[Reason]]:
    """The items in order, and what is not there."""
    if body.barcodes:
        known = await queries.by_barcode(tx, body.barcodes)
        unknown = [
            Reason("item-unknown", f"No item has the barcode {each}.", f"/barcodes/{place}")
            for place, each in enumerate(body.barcodes)
            if each not in known
        ]
        return [known[each] for each in body.barcodes if each in known], unknown
    if body.item_ids:
        return body.item_ids, []
    if body.holdings_id is not None:
        ids, name = await queries.of_holdings(tx, body.holdings_id, limit=MOST + 1), "holdings_id"
    else:
        assert body.list_id is not None
        ids, name = await queries.of_list(tx, body.list_id, by=by, limit=MOST + 1), "list_id"
    return ids, [] if ids else [
        Reason("no-items", "There are no items of which to print labels.", f"/{name}")
    ]
