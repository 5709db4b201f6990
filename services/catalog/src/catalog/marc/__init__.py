"""Carrel's own MARC library: ISO 2709, MARCXML and MARC-in-JSON, streamed, strict or lenient."""
