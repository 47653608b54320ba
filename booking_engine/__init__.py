"""The core: what a booking is, who may change it, and where it is kept."""
