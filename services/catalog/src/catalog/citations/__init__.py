"""A title as reference managers and search engines take it: CSL-JSON, RIS, BibTeX, schema.org. Pure."""
