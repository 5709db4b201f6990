"""Webhooks: events sent to addresses that vendors and in-house programs register themselves."""
