"""Roles and the scopes they grant."""
