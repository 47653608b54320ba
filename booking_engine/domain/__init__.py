"""The rules of imaging booking as frozen values and functions; no frameworks."""
