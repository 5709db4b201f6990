"""An import is taken back: what it made goes, what it changed is as it was, unless somebody has worked with it."""
