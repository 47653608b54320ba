"""HL7 v2 at the edge: bytes become commands, events become bytes."""
