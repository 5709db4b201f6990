"""What may be done with what was licensed: licences, their amendments, and typed terms."""
