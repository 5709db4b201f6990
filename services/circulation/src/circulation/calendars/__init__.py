"""Opening hours of service points: when is a place open, and where do due times move?"""
