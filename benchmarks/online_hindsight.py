"""What somebody who knows all arrivals would have paid: a bound for every rule.

Two bounds: one may book late where that is cheaper, the other books nobody late. The
second needs no knowledge of the future either, only that nobody is told a day before it
comes: so what a rule pays above it, it pays for telling patients their day at once.
"""

from __future__ import annotations

import highspy
import numpy as np

from solver.compiled import kernel
from solver.instances.online_models import Floats, OnlineModel
from solver.problem import Ints


def hindsight(model: OnlineModel, arrivals: Ints) -> float:
    """Return the least cost a day of one replication, all arrivals known.

    A linear programme: each order, by class and day of asking, goes to a day of the
    diary, late if that is cheaper, or into overtime. Its matrix is that of a transport
    problem, so its best solution is whole.

    Parameters
    ----------
    model
        The diary.
    arrivals
        Shape ``(days, classes)``.
    """
    asked, kind = np.nonzero(arrivals)
    orders = asked.shape[0]
    ahead_at_most = np.minimum(
        model.horizon, model.target + (model.overtime_cost // model.late_cost)
    ).astype(np.int64)[kind]
    source = np.repeat(np.arange(orders), ahead_at_most)
    first = np.repeat(np.cumsum(ahead_at_most) - ahead_at_most, ahead_at_most)
    ahead = np.arange(source.shape[0]) - first + 1
    late = np.maximum(0, ahead - model.target[kind[source]])
    cost = late * model.late_cost[kind[source]]
    options, days = source.shape[0], arrivals.shape[0] + model.horizon + 1
    count = arrivals[asked, kind].astype(np.float64)

    programme = highspy.HighsLp()
    programme.num_col_ = options + orders
    programme.num_row_ = orders + days
    programme.col_cost_ = np.append(cost, np.full(orders, model.overtime_cost))
    programme.col_lower_ = np.zeros(options + orders)
    programme.col_upper_ = np.full(options + orders, highspy.kHighsInf)
    programme.row_lower_ = np.append(count, np.full(days, -highspy.kHighsInf))
    programme.row_upper_ = np.append(count, np.full(days, float(model.slots)))
    # Each option counts in its order's row and its day's, overtime in its order's.
    both = np.stack([source, orders + asked[source] + ahead], axis=1)
    index = np.append(both.ravel(), np.arange(orders))
    begins = np.append(2 * np.arange(options), 2 * options + np.arange(orders + 1))
    programme.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    programme.a_matrix_.start_ = begins.astype(np.int32)
    programme.a_matrix_.index_ = index.astype(np.int32)
    programme.a_matrix_.value_ = np.ones(index.shape[0])
    engine = highspy.Highs()
    engine.setOptionValue("output_flag", False)
    engine.passModel(programme)
    engine.run()
    if engine.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        raise SystemExit(f"HiGHS ended with {engine.getModelStatus()}")
    return float(engine.getInfo().objective_function_value) / arrivals.shape[0]


def least_on_time(model: OnlineModel, arrivals: Ints) -> Floats:
    """Return the least cost a day of each replication if nobody is booked late.

    Orders wait in a queue, the earliest due is seen first, and who is due and finds no
    slot goes into overtime. Of orders that take a slot each and count alike, no way to
    choose sees more in time: a later due one that is seen instead can be exchanged.

    Parameters
    ----------
    model
        The diary.
    arrivals
        Shape ``(replications, days, classes)``.
    """
    outside = np.zeros(arrivals.shape[0], np.int64)
    longest = int(model.target.max())
    due = np.zeros(arrivals.shape[1] + longest + 1, np.int64)
    _earliest_due_first(arrivals, model.target, longest, model.slots, due, outside)
    return outside * model.overtime_cost / arrivals.shape[1]


@kernel
def _earliest_due_first(
    arrivals: Ints, target: Ints, longest: int, slots: int, due: Ints, outside: Ints
) -> None:
    """Count who finds no slot; ``due[day]`` are those still to be seen by then."""
    days = arrivals.shape[1]
    for r in range(arrivals.shape[0]):
        due[:] = 0
        for day in range(days + longest):
            if day < days:
                for i in range(target.shape[0]):
                    due[day + target[i]] += arrivals[r, day, i]
            left = slots
            for n in range(day + 1, min(day + longest, days + longest) + 1):
                seen = min(left, due[n])
                due[n] -= seen
                left -= seen
            outside[r] += due[day + 1]
            due[day + 1] = 0
