"""Machines: OAuth2 clients and API keys."""
