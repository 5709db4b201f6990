"""Signing keys, access tokens for the world outside, short tokens for the hop inside."""
