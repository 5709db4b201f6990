"""Signing in by OpenID Connect: we are the relying party (OpenID Connect Core 1.0, RFC 9700)."""
