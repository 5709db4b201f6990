"""A title as linked data: BIBFRAME 2 and schema.org, as Turtle, RDF/XML and JSON-LD. Pure."""
