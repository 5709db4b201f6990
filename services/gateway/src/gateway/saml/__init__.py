"""SAML 2.0 service provider: metadata in and out, signing in by an identity provider, signing out both ways."""
