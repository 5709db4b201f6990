"""Z39.50 (ISO 23950): its encoding, its messages as client and server say them, its records of holdings. No network."""
