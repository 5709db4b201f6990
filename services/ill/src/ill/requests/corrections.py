"""Effects that take a word back: before it has left, it was never said; after that, the partner is told."""

from typing import Final

from ill.iso18626.rules import RANK
from ill.requests.case import Case
from ill.requests.effects import LENDING, effect
from ill.requests.supplying import supply

_SAID: Final = """
SELECT id, attempts FROM message WHERE request_id = $1 AND direction = 'out' AND what LIKE '% Loaned' AND at >= (
    SELECT max(at) FROM step WHERE request_id = $1 AND what IN ('ship', 'checked-out')) ORDER BY id FOR UPDATE
"""
"""What told of this shipment. Held, so that the worker does not take it up meanwhile; what it has taken up is said."""
_WITHDRAW: Final = """
UPDATE message SET state = 'withdrawn', next_at = NULL WHERE id = ANY ($1::uuid[]) AND state = 'queued'
"""
_BEFORE: Final = """
SELECT what FROM message WHERE request_id = $1 AND direction = 'out' AND kind = 'supplyingAgencyMessage' AND id < $2
    AND state <> 'withdrawn' ORDER BY id DESC LIMIT 1
"""


@effect(LENDING, name="take-word-back")
async def take_word_back(case: Case) -> None:
    """Loaned is not sent if it waits still; else a Notification corrects it. What they were told before counts again.

    A partner that is written to by staff is told by them.
    """
    messages = await case.connection.fetch(_SAID, case.id)
    case.row["status"] = None
    if not messages:
        return
    before = await case.connection.fetchval(_BEFORE, case.id, messages[0]["id"])
    status = (before or "").rpartition(" ")[2]
    case.row["status"] = status if status in RANK else None
    unsaid = [message["id"] for message in messages if not message["attempts"]]
    await case.connection.execute(_WITHDRAW, unsaid)
    if len(unsaid) < len(messages):
        words = ". ".join(filter(None, ("Correction: it has not been shipped yet", case.told.note)))
        await supply(case, case.row["status"] or "WillSupply", reason="Notification", note=words)
