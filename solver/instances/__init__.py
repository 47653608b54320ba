"""Problems from files and from seeds."""

from solver.instances.columns import load_columns, save_columns
from solver.instances.england import england
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
from solver.instances.national_data import NationalData, read_national_data

__all__ = [
    "InvalidInstance",
    "NationalData",
    "Scale",
    "england",
    "generate",
    "load_columns",
    "load_json",
    "load_plan",
    "plan_from_json",
    "plan_to_json",
    "problem_from_json",
    "problem_to_json",
    "read_national_data",
    "save_columns",
    "save_json",
    "save_plan",
]
