"""A title as reference managers and search engines take it: CSL-JSON, RIS, EndNote, BibTeX, schema.org. Pure."""
