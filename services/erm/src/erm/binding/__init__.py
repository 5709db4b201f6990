"""Issues that have come are bound into volumes, here or by a bindery."""
