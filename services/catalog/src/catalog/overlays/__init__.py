"""What becomes of a record that is here when another of the same title comes."""
