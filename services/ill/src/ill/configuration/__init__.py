"""How this library takes part in interlibrary loan: one document."""
