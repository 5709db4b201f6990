"""The library within a learning management system: we are the tool (LTI Core 1.3, Deep Linking 2.0, NRPS 2.0)."""
