"""The whole problem as one CP-SAT model: slow, and written apart from the solver.

Only idle gaps cost nothing here, so that the optimum is never above the true one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import combinations, pairwise

import numpy as np
from ortools.sat.python import cp_model

DAY = 1440


def optimum(problem, *, seconds=20.0):
    """Return the least cost of any plan, or None where the time was too short."""
    return _Model(problem).solve(seconds)


class _Model:
    def __init__(self, problem):
        self.problem, self.m = problem, cp_model.CpModel()
        self.orders = range(len(problem.orders.key))
        self.cost, self.where = [], {}
        self.start = [self.m.new_int_var(0, DAY, "") for _ in self.orders]
        self.instant = [self.m.new_int_var(0, 10 * DAY, "") for _ in self.orders]
        starts = problem.openings.scanner_start
        self.scanner = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        places = problem.rules.scanner_place
        self.place = places if places.size else np.arange(len(starts) - 1)
        self.placed = [self._options(j) for j in self.orders]
        for rule in (
            self._time,
            self._visits,
            self._bookings,
            self._resources,
            self._changeovers,
            self._supplies,
            self._contracts,
            self._journeys,
            self._fairness,
        ):
            rule()

    def solve(self, seconds):
        self.m.minimize(sum(self.cost))
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.max_time_in_seconds = seconds
        if solver.solve(self.m) != cp_model.OPTIMAL:
            return None
        return round(solver.objective_value)

    def _options(self, j):
        orders, pairs, openings = (
            self.problem.orders,
            self.problem.pairs,
            self.problem.openings,
        )
        mine = []
        for p in range(pairs.start[j], pairs.start[j + 1]):
            for b in np.flatnonzero(self.scanner == pairs.scanner[p]):
                day, d = int(openings.day[b]), int(pairs.minutes[p])
                low = max(int(openings.begin_minute[b]), int(orders.earliest_minute[j]))
                high = min(
                    int(openings.begin_minute[b] + openings.minutes[b]),
                    int(orders.latest_minute[j]),
                )
                if (
                    not orders.list_mask[j] & openings.list_bit[b]
                    or not orders.earliest_day[j] <= day <= orders.latest_day[j]
                    or high - low < d
                ):
                    continue
                x = self.m.new_bool_var("")
                self.where[j, p, int(b)] = x
                self.m.add(self.start[j] >= low).only_enforce_if(x)
                self.m.add(self.start[j] <= high - d).only_enforce_if(x)
                self.m.add(
                    self.instant[j] == self.start[j] + day * DAY
                ).only_enforce_if(x)
                late = max(0, day - int(orders.target_day[j]))
                cost = int(
                    orders.wait_cost[j] * day
                    + orders.late_cost[j] * late
                    + (orders.breach_cost[j] if day >= orders.breach_day[j] else 0)
                    + pairs.cost[p]
                    + openings.cost[b]
                )
                self.cost.append(cost * x)
                mine.append(x)
        self.m.add_at_most_one(mine)
        placed = sum(mine)
        self.cost.append(int(orders.unplaced_cost[j]) * (1 - placed))
        return placed

    def _minutes(self, p):
        return int(self.problem.pairs.minutes[p])

    def _time(self):
        patient, rooms, people = self.problem.orders.patient, [], defaultdict(list)
        by_scanner = defaultdict(list)
        for (j, p, b), x in self.where.items():
            d = self._minutes(p)
            one = self.m.new_optional_fixed_size_interval_var(self.instant[j], d, x, "")
            by_scanner[int(self.scanner[b])].append(one)
            if patient[j] >= 0:
                people[int(patient[j])].append(one)
        for group in (*rooms, *by_scanner.values(), *people.values()):
            self.m.add_no_overlap(group)

    def _end(self, j):
        return self.instant[j] + sum(
            self._minutes(p) * x for (i, p, _), x in self.where.items() if i == j
        )

    def _at(self, j, what):
        """Return the value of `what` for the opening that order `j` has."""
        return sum(what(b) * x for (i, _, b), x in self.where.items() if i == j)

    def _visits(self):
        visits, links = self.problem.rules.visits, self.problem.rules.links
        day = self.problem.openings.day
        for v in range(len(visits.same_day)):
            members = visits.order[visits.start[v] : visits.start[v + 1]].tolist()
            for i, j in combinations(members, 2):
                self.m.add(self.placed[i] == self.placed[j])
                if visits.same_day[v]:
                    here = [self._at(k, lambda b: int(day[b])) for k in (i, j)]
                    self.m.add(here[0] == here[1])
                if visits.same_place[v]:
                    here = [
                        self._at(k, lambda b: int(self.place[self.scanner[b]]))
                        for k in (i, j)
                    ]
                    self.m.add(here[0] == here[1])
        for i, j, least, most in zip(
            links.first, links.second, links.least_gap, links.most_gap, strict=True
        ):
            out = self.m.new_bool_var("")
            self.m.add(self.placed[i] + self.placed[j] <= 1).only_enforce_if(out)
            gap = self.instant[j] - self._end(i)
            self.m.add(gap >= int(least)).only_enforce_if(out.negated())
            if most >= 0:
                self.m.add(gap <= int(most)).only_enforce_if(out.negated())

    def _bookings(self):
        had, moves = self.problem.rules.bookings, []
        for row, order in enumerate(had.order.tolist()):
            self.m.add(self.placed[order] == 1)
            stays = self.m.new_bool_var("")
            here = self._at(order, lambda b, row=row: int(b == had.opening[row]))
            self.m.add(here == 1).only_enforce_if(stays)
            self.m.add(self.start[order] == int(had.start_minute[row])).only_enforce_if(
                stays
            )
            if had.frozen[row]:
                self.m.add(stays == 1)
            self.cost.append(int(had.move_cost[row]) * (1 - stays))
            moves.append(1 - stays)
        if self.problem.rules.weights.most_moves >= 0:
            self.m.add(sum(moves) <= self.problem.rules.weights.most_moves)

    def _resources(self):
        shifts, needs = self.problem.rules.shifts, self.problem.rules.needs
        day = self.problem.openings.day
        using = defaultdict(list)
        for row, pair in enumerate(needs.pair.tolist()):
            for (j, p, b), x in self.where.items():
                if p != pair:
                    continue
                begin = self.m.new_int_var(-DAY, 2 * DAY, "")
                self.m.add(begin == self.start[j] + int(needs.offset[row]))
                self.m.add(begin >= 0).only_enforce_if(x)
                length = int(needs.minutes[row])
                self.m.add(begin + length <= DAY).only_enforce_if(x)
                using[int(needs.resource[row]), int(day[b])].append(
                    (
                        self.m.new_optional_fixed_size_interval_var(
                            begin, length, x, ""
                        ),
                        int(needs.units[row]),
                    )
                )
        for (resource, on), those in using.items():
            there = np.zeros(DAY, np.int64)
            for row in np.flatnonzero(
                (shifts.resource == resource) & (shifts.day == on)
            ):
                begin = shifts.begin_minute[row]
                there[begin : begin + shifts.minutes[row]] += shifts.units[row]
            most = int(there.max())
            edges = [0, *(np.flatnonzero(np.diff(there)) + 1).tolist(), DAY]
            for low, high in pairwise(edges):
                missing = most - int(there[low])
                if missing:
                    block = self.m.new_fixed_size_interval_var(low, high - low, "")
                    those.append((block, missing))
            self.m.add_cumulative([i for i, _ in those], [u for _, u in those], most)

    def _changeovers(self):
        rules, day = self.problem.rules.changeovers, self.problem.openings.day
        if not rules.family.size:
            return
        families = math.isqrt(len(rules.minutes))
        for i, j in combinations(self.orders, 2):
            f, g = int(rules.family[i]), int(rules.family[j])
            if f < 0 or g < 0:
                continue
            there, back = (
                int(rules.minutes[f * families + g]),
                int(rules.minutes[g * families + f]),
            )
            first = self.m.new_bool_var("")
            for (a, _, b), x in self.where.items():
                for (c, _, d), y in self.where.items():
                    if (
                        (a, c) == (i, j)
                        and self.scanner[b] == self.scanner[d]
                        and day[b] == day[d]
                    ):
                        self.m.add(
                            self.instant[j] >= self._end(i) + there
                        ).only_enforce_if(x, y, first)
                        self.m.add(
                            self.instant[i] >= self._end(j) + back
                        ).only_enforce_if(x, y, first.negated())

    def _supplies(self):
        draws, deliveries = self.problem.rules.draws, self.problem.rules.deliveries
        day = self.problem.openings.day
        taken = defaultdict(list)
        for row, j in enumerate(draws.order.tolist()):
            least, most = int(draws.least_age[row]), int(draws.most_age[row])
            table = [
                _taken(int(draws.amount[row]), age, int(draws.half_life[row]))
                for age in range(most + 1)
            ]
            for (i, _, b), x in self.where.items():
                if i != j:
                    continue
                here = np.flatnonzero(
                    (deliveries.supply == draws.supply[row])
                    & (deliveries.scanner == self.scanner[b])
                    & (deliveries.day == day[b])
                )
                uses = []
                for q in here.tolist():
                    y, came = self.m.new_bool_var(""), int(deliveries.minute[q])
                    self.m.add_implication(y, x)
                    age = self.m.new_int_var(0, most, "")
                    self.m.add(age == self.start[j] - came).only_enforce_if(y)
                    self.m.add(age >= least).only_enforce_if(y)
                    for other in here.tolist():
                        if deliveries.minute[other] > came:
                            ready = int(deliveries.minute[other]) + least
                            self.m.add(self.start[j] < ready).only_enforce_if(y)
                    amount = self.m.new_int_var(0, max(table), "")
                    self.m.add_element(age, table, amount)
                    used = self.m.new_int_var(0, max(table), "")
                    self.m.add(used >= amount).only_enforce_if(y)
                    taken[q].append(used)
                    uses.append(y)
                self.m.add(sum(uses) >= 1).only_enforce_if(x)
        for q, used in taken.items():
            self.m.add(sum(used) <= int(deliveries.amount[q]))

    def _contracts(self):
        contract, rules = self.problem.openings.contract, self.problem.rules
        for k, ceiling in enumerate(self.problem.contract_ceiling.tolist()):
            used = sum(x for (_, _, b), x in self.where.items() if contract[b] == k)
            self.m.add(used <= ceiling)
            if rules.contract_price.size:
                beyond = self.m.new_int_var(0, 1000, "")
                self.m.add(beyond >= used - int(rules.contract_floor[k]))
                self.cost.append(int(rules.contract_price[k]) * beyond)

    def _journeys(self):
        each, patient = self.problem.rules.weights.journey_cost, None
        if not each:
            return
        patient, day = self.problem.orders.patient, self.problem.openings.day
        journeys = defaultdict(lambda: defaultdict(list))
        for (j, _, b), x in self.where.items():
            if patient[j] >= 0:
                where = int(day[b]), int(self.place[self.scanner[b]])
                journeys[int(patient[j])][where].append(x)
        for those in journeys.values():
            made, any_at_all = [], self.m.new_bool_var("")
            for options in those.values():
                one = self.m.new_bool_var("")
                self.m.add_max_equality(one, options)
                made.append(one)
            self.m.add_max_equality(any_at_all, made)
            self.cost.append(each * (sum(made) - any_at_all))

    def _fairness(self):
        weights, cohort = self.problem.rules.weights, self.problem.rules.cohort
        if not weights.unfair_cost or not cohort.size:
            return
        day, orders = self.problem.openings.day, int((cohort >= 0).sum())
        waits = {
            j: self._at(j, lambda b: int(day[b]))
            + weights.unplaced_days * (1 - self.placed[j])
            for j in self.orders
            if cohort[j] >= 0
        }
        for group in np.unique(cohort[cohort >= 0]):
            mine = [wait for j, wait in waits.items() if cohort[j] == group]
            over = sum(mine) * 1000 * orders - (
                weights.unfair_permille * len(mine) * sum(waits.values())
            )
            excess = self.m.new_int_var(0, 10**6, "")
            self.m.add(excess * 1000 * orders >= over - (1000 * orders - 1))
            self.cost.append(weights.unfair_cost * excess)


def _taken(amount, age, half_life):
    """The least whole number that is enough, by trying them in turn."""
    if not half_life:
        return amount
    n = max(0, math.floor(amount * 2 ** (age / half_life)) - 2)
    while n**half_life < amount**half_life * 2**age:
        n += 1
    return n
