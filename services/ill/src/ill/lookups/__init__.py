"""Asked of others on the net before a library is: what it is, whether it is free, who has it, and whether it is in."""
