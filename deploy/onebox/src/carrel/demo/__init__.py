"""The demo library: Bellmark University with its titles, places, rules, patrons and a term of lending.

Everything here is made from facts and by arithmetic; nothing talks to a running system.
"""
