"""Items on their way from one service point to another, and what ends that besides an arrival."""
