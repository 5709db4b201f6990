"""Handing fees over to the bursar, many patrons at once, each fee once."""
