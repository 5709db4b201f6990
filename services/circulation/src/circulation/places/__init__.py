"""Service points, and the libraries and locations they serve."""
