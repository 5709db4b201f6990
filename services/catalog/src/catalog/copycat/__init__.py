"""Copy cataloguing: other libraries' servers are searched, and what is found there is imported by a profile."""
