"""What staff fetch, clear and send on: the pick list, the hold shelf's clearance, the items in transit."""
