"""MLLP transport: framing without I/O, a listener and a sender."""
