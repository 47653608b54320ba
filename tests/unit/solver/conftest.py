"""A builder of small problems whose answer can be worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from solver import NO_GROUP, Openings, Orders, Pairs, Problem
from solver.rules import Rules


@dataclass
class OrderRow:
    """One order; everything has a harmless default."""

    minutes: int = 30
    scanners: tuple[int, ...] = (0,)
    pair_cost: int = 0
    tier: int = 2
    patient: int = NO_GROUP
    days: tuple[int, int] = (0, 99)
    hours: tuple[int, int] = (0, 1440)
    list_mask: int = 1
    wait_cost: int = 1
    target_day: int = 99
    late_cost: int = 0
    breach_day: int = 999
    breach_cost: int = 0
    unplaced_cost: int = 1000


@dataclass
class OpeningRow:
    """One opening; from 09:00 unless told otherwise."""

    scanner: int = 0
    day: int = 0
    begin: int = 540
    minutes: int = 60
    list_bit: int = 1
    cost: int = 0
    contract: int = NO_GROUP


@dataclass
class Case:
    """Rows that become a problem."""

    orders: list[OrderRow]
    openings: list[OpeningRow]
    ceilings: tuple[int, ...] = ()
    scanners: int = field(default=1)

    def problem(self) -> Problem:
        def column(values):
            return np.array(list(values), dtype=np.int64)

        orders, openings = self.orders, self.openings
        openings = sorted(openings, key=lambda b: (b.scanner, b.day, b.begin))
        return Problem(
            orders=Orders(
                key=tuple(f"o{j}" for j in range(len(orders))),
                tier=column(o.tier for o in orders),
                patient=column(o.patient for o in orders),
                earliest_day=column(o.days[0] for o in orders),
                latest_day=column(o.days[1] for o in orders),
                earliest_minute=column(o.hours[0] for o in orders),
                latest_minute=column(o.hours[1] for o in orders),
                list_mask=column(o.list_mask for o in orders),
                wait_cost=column(o.wait_cost for o in orders),
                target_day=column(o.target_day for o in orders),
                late_cost=column(o.late_cost for o in orders),
                breach_day=column(o.breach_day for o in orders),
                breach_cost=column(o.breach_cost for o in orders),
                unplaced_cost=column(o.unplaced_cost for o in orders),
            ),
            pairs=Pairs(
                start=column(np.cumsum([0, *(len(o.scanners) for o in orders)])),
                scanner=column(s for o in orders for s in o.scanners),
                minutes=column(o.minutes for o in orders for _ in o.scanners),
                cost=column(o.pair_cost for o in orders for _ in o.scanners),
            ),
            openings=Openings(
                key=tuple(f"b{i}" for i in range(len(openings))),
                scanner_start=column(
                    sum(b.scanner < s for b in openings)
                    for s in range(self.scanners + 1)
                ),
                day=column(b.day for b in openings),
                begin_minute=column(b.begin for b in openings),
                minutes=column(b.minutes for b in openings),
                list_bit=column(b.list_bit for b in openings),
                cost=column(b.cost for b in openings),
                contract=column(b.contract for b in openings),
            ),
            contract_ceiling=column(self.ceilings),
            scanner_key=tuple(f"s{s}" for s in range(self.scanners)),
        )


@pytest.fixture(scope="session")
def order() -> type[OrderRow]:
    return OrderRow


@pytest.fixture(scope="session")
def opening() -> type[OpeningRow]:
    return OpeningRow


@pytest.fixture(scope="session")
def build() -> Callable[..., Problem]:
    def make(orders, openings, *, ceilings=(), scanners=1, rules=None) -> Problem:
        case = Case(list(orders), list(openings), tuple(ceilings), scanners)
        return replace(case.problem(), rules=rules or Rules())

    return make
