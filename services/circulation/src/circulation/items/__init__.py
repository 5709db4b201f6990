"""Our copy of the catalogue's item facts, and the state that circulation derives from them."""
