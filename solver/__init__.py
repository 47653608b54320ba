"""Allocation of orders to scanner time: pure, arrays in, plan out."""

from solver.baselines import earliest_by_urgency, first_come_first_served
from solver.bidprices import (
    DemandToCome,
    InvalidDemand,
    RoomPrices,
    learnt,
    room_prices,
)
from solver.carry import Start, carried
from solver.check import (
    FalseClaim,
    InvalidPrices,
    Verdict,
    Violation,
    cost_terms,
    lower_bound,
    verify,
    violations,
)
from solver.explain import (
    Alternative,
    Explanation,
    Filter,
    Reason,
    explain,
    explain_all,
)
from solver.fault import Fault, InvalidProblem
from solver.gap import GapParts
from solver.limits import Limits
from solver.occupied import Occupied
from solver.online import Option, Protection, rank_slots
from solver.plan import PRICE_SCALE, UNPLACED, Certificate, CostTerms, Plan
from solver.problem import NO_GROUP, Openings, Orders, Pairs, Problem
from solver.progress import Progress, Stage
from solver.solve import solve
from solver.terms import Constraint, Term
from solver.tuning import tuned
from solver.validation import faults, require_valid
from solver.warm import warm_up

__all__ = [
    "NO_GROUP",
    "PRICE_SCALE",
    "UNPLACED",
    "Alternative",
    "Certificate",
    "Constraint",
    "CostTerms",
    "DemandToCome",
    "Explanation",
    "FalseClaim",
    "Fault",
    "Filter",
    "GapParts",
    "InvalidDemand",
    "InvalidPrices",
    "InvalidProblem",
    "Limits",
    "Occupied",
    "Openings",
    "Option",
    "Orders",
    "Pairs",
    "Plan",
    "Problem",
    "Progress",
    "Protection",
    "Reason",
    "RoomPrices",
    "Stage",
    "Start",
    "Term",
    "Verdict",
    "Violation",
    "carried",
    "cost_terms",
    "earliest_by_urgency",
    "explain",
    "explain_all",
    "faults",
    "first_come_first_served",
    "learnt",
    "lower_bound",
    "rank_slots",
    "require_valid",
    "room_prices",
    "solve",
    "tuned",
    "verify",
    "violations",
    "warm_up",
]
