"""Z39.50 as a client speaks it (ISO 23950): its encoding, its messages, and its records of holdings. No network."""
