"""How long a hold will probably wait: one formula for the hold, the account and availability."""
