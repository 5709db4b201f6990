"""Sessions of browsers: an opaque id in a cookie, a record here, and an end."""
