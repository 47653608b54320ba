"""Use cases: one function per command, and the ports they need."""
