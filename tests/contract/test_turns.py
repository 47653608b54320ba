"""Writers of one process are served in the order in which they came."""

import threading
import time

from booking_engine.persistence.tickets import TicketLock


def test_the_lock_goes_to_whoever_has_waited_longest():
    lock, served, threads = TicketLock(), [], []
    assert lock.acquire(1)

    def wait(number):
        assert lock.acquire(10)
        served.append(number)
        lock.release()

    for number in range(8):
        thread = threading.Thread(target=wait, args=(number,))
        thread.start()
        threads.append(thread)
        time.sleep(0.01)
    lock.release()
    for thread in threads:
        thread.join(10)
    assert served == list(range(8))
    assert lock.acquire(0.1)


def test_who_gives_up_holds_up_nobody():
    lock = TicketLock()
    assert lock.acquire(1)
    assert not lock.acquire(0.01)
    lock.release()
    assert lock.acquire(0.1)


def test_writers_on_sqlite_take_turns_and_none_waits_long(sqlite_store):
    longest = []

    def write():
        for _ in range(25):
            began = time.monotonic()
            with sqlite_store.units() as uow:
                uow.catalogue()
                uow.outbox.counts()
                longest.append(time.monotonic() - began)
                uow.commit()

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(longest) == 200
    assert max(longest) < 8
