"""Clients with types, made from the API's document: one file each, that needs nothing beside its language."""
