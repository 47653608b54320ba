"""Problems from files and from seeds."""

from solver.instances.columns import load_columns, save_columns
from solver.instances.formats import (
    load_json,
    load_plan,
    plan_from_json,
    plan_to_json,
    problem_from_json,
    problem_to_json,
    save_json,
    save_plan,
)
from solver.instances.generator import Scale, generate
from solver.instances.invalid import InvalidInstance

__all__ = [
    "InvalidInstance",
    "Scale",
    "generate",
    "load_columns",
    "load_json",
    "load_plan",
    "plan_from_json",
    "plan_to_json",
    "problem_from_json",
    "problem_to_json",
    "save_columns",
    "save_json",
    "save_plan",
]
