"""The demo's headings cover every state, so that its counts add up."""

from api.demo.summary import _GROUPS
from booking_engine.domain.orders import OrderStatus


def test_every_state_is_counted_under_one_heading():
    assert set(_GROUPS) == set(OrderStatus)
    assert set(_GROUPS.values()) == {
        "booked",
        "waiting",
        "held",
        "cancelled",
        "refused",
    }
