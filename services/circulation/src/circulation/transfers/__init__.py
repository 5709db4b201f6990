"""Which library sends what to which, and what that costs."""
