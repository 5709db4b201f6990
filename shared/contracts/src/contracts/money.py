"""Money, as events tell of it."""

from contracts.events import Part


class Amount(Part):
    """Money in minor units of an ISO 4217 currency."""

    minor: int
    currency: str
