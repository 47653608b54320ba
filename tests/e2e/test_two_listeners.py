"""Two listeners on one PostgreSQL hear every message, and each is carried out once.

A sender that fails over sends again what it does not know to have arrived, and not
always to the same listener. Both must give the same answer, and there is one order.
"""

import pytest
from e2e.killed import Engine, Senders
from e2e.test_engine_killed import NOTHING_OF, STORED, wait_until

from api.demo.network import demo_catalogue
from api.demo.orders import DemoOrders
from booking_engine.domain.clock import SystemClock, local_date

ORDERS = 400
SEED = 21


@pytest.mark.postgres
def test_the_same_messages_to_both_are_carried_out_once(postgres_url, tmp_path):
    today = local_date(SystemClock().now())
    messages = list(
        DemoOrders(demo_catalogue(today), count=ORDERS, seed=SEED, today=today)
    )
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
    first, second = (Engine(each, postgres_url, {}, "listen") for each in folders)
    with first, second:
        first.start()
        second.start()
        lines = [Senders(messages, each.mllp_port) for each in (first, second)]
        for line in lines:
            line.start()
        try:
            wait_until(lambda: all(line.done for line in lines), "all answered")
        finally:
            for line in lines:
                line.stop()
        assert [line.repeats for line in lines] == [0, 0]
        assert lines[0].acknowledged == lines[1].acknowledged
        distinct = {(m.partner, m.control_id, m.payload) for m in messages}
        assert first.number(STORED) == len(distinct)
        for what, query in NOTHING_OF.items():
            assert first.rows(query) == [], what
