"""Busy days: the library of the stories, a day in it, and what hands may do there."""
