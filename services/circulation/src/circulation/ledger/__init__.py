"""How each act on a fee is booked."""
