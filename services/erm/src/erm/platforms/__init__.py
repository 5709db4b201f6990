"""Where electronic titles lie, and how to link there."""
