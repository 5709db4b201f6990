"""Holdings and items: what stands where, and in which state."""
