"""How this library buys."""
