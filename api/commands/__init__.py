"""The commands of ``booking-engine``, one module for each noun."""
