"""Allocation of orders to scanner time: pure, arrays in, plan out."""
