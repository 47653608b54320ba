"""A scanner is closed over HTTP, and the RIS is told over a socket who moved."""

import itertools

import pytest
from engines import SECONDS, engine, order
from fastapi.testclient import TestClient
from hl7.client import MLLPClient

from hl7_adapters.peer import StandIn

KEYS = itertools.count(1)


@pytest.fixture
def ris():
    stand_in = StandIn()
    stand_in.start()
    yield stand_in
    stand_in.stop()


@pytest.fixture(params=["sqlite_url", "postgres_url"])
def url(request):
    return request.getfixturevalue(request.param)


def test_the_ris_is_told_of_the_approved_move_by_s13(url, ris):
    host, port = ris.address
    with engine(url, tells={"host": host, "port": port}) as runtime:
        http = TestClient(
            runtime.app,
            base_url="http://127.0.0.1:8080",
            headers={"X-Actor": "person:manager"},
        )

        def post(path, body=None, **headers):
            given = {"Idempotency-Key": f"k{next(KEYS)}", **headers}
            answer = http.post(path, json=body or {}, headers=given)
            assert answer.is_success, answer.text
            return answer

        with MLLPClient(*runtime.mllp_address) as client:
            client.send_message(order(1).encode())
        assert ris.wait_for(1, SECONDS)
        (booked,) = http.get("/v1/appointments").json()["items"]
        closure = post(
            "/v1/closures",
            {
                "scanner": booked["scanner"],
                "starts_at": booked["starts_at"],
                "ends_at": booked["ends_at"],
                "reason": "fault",
                "propose": True,
            },
        ).json()
        where = f"/v1/closures/{closure['id']}/rebooking"
        assert len(ris.messages) == 1, "nothing is told before a person approves"
        # The worker may still be at the better one: what it brings is approved.
        while (found := http.get(where)).json()["improving"]:
            pass
        done = post(f"{where}/approve", **{"If-Match": found.headers["ETag"]}).json()
        assert done["status"] == "approved"
        assert ris.wait_for(2, SECONDS)
        now = http.get(f"/v1/appointments/{booked['id']}").json()

    moved = ris.messages[1]
    assert moved.type[:2] == ("SIU", "S13")
    fields = {
        line.split("|")[0]: line.split("|")
        for line in moved.raw.decode().split("\r")
        if line
    }
    assert fields["ZBK"][1] == now["decision_id"]
    assert done["lines"][0]["to"]["starts_at"] == now["starts_at"]
    assert now["starts_at"][:16].replace("-", "").replace("T", "").replace(":", "") in (
        moved.raw.decode()
    )
