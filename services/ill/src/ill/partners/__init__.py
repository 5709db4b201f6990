"""The libraries that lend to us and borrow from us: the directory."""
