"""Which titles of ours a request of another library may be about."""
