"""Capacity what-ifs on the same engine, run offline by planners."""
