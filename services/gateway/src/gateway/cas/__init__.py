"""Signing in by a CAS server (CAS protocol 3.0): tickets validated from server to server, proxies by exception."""
