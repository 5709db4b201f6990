"""OAI-PMH 2.0: titles for harvesters, with tombstones that last."""
