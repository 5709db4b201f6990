"""What Carrel's services promise each other: event classes and the envelope they travel in.

Depends on pydantic alone, so that a partner can install it.
"""
