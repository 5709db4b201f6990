"""Emergency closings: a place closes unexpectedly; what was due there meanwhile is due when it is open again."""
