"""Messages in files: single, several, captured, in batches; fresh numbers."""

import pytest

from hl7_adapters.er7 import decode
from hl7_adapters.message_files import (
    NoMessages,
    Renumbering,
    read_messages,
    split_messages,
)
from hl7_adapters.mllp.framing import frame


def order(number, control="NW", placer="P1"):
    return (
        f"MSH|^~\\&|EPR|R0A|BOOKING||20261130080000||ORM^O01|M{number}|P|2.4\r"
        f"PID|1||X{number}^^^R0A\r"
        f"ORC|{control}|{placer}^EPR||G1^EPR\r"
        f"OBR|1|{placer}^EPR||MRHEAD\r"
    ).encode()


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_a_line_that_begins_with_msh_begins_a_message(end):
    raw = b"\n".join((order(1), b"", order(2))).replace(b"\r", end)

    assert split_messages(raw) == [order(1), order(2)]


def test_msh_inside_a_line_begins_nothing():
    raw = order(1) + b"NTE|1||see MSH|2 and MSH|3\r"

    assert split_messages(raw) == [raw]


def test_a_capture_is_cut_at_its_frames_and_left_as_it_is():
    odd = b"MSH|^~\\&|A\nMSH|^~\\&|B"

    assert split_messages(frame(odd) + b"\n" + frame(order(2))) == [odd, order(2)]


def test_a_batch_is_one_payload():
    raw = b"BHS|^~\\&|EPR\r" + order(1) + order(2) + b"BTS|2\r"

    assert split_messages(raw) == [raw]
    assert split_messages(b"\xef\xbb\xbf" + raw) == [raw]


def test_a_folder_is_read_in_order_of_name(tmp_path):
    for name, number in (("b.hl7", 3), ("a.hl7", 1), (".hidden", 9)):
        (tmp_path / name).write_bytes(order(number) + order(number + 1))
    (tmp_path / "inner").mkdir()

    found = read_messages(tmp_path)

    assert [(m.file.name, m.number) for m in found] == [
        ("a.hl7", 1),
        ("a.hl7", 2),
        ("b.hl7", 1),
        ("b.hl7", 2),
    ]
    assert found[3].payload == order(4)


def test_what_holds_nothing_is_named(tmp_path):
    with pytest.raises(NoMessages, match="folder is empty"):
        read_messages(tmp_path)
    (tmp_path / "empty.hl7").write_bytes(b"\r\n")
    with pytest.raises(NoMessages, match=r"empty\.hl7: no message"):
        read_messages(tmp_path)


def test_fresh_numbers_keep_an_order_and_its_cancel_together():
    number = Renumbering("T")
    new, cancel, other = (
        decode(number(raw, 0))
        for raw in (order(1), order(1, "CA"), order(1, placer="P2"))
    )
    again = decode(number(order(1), 1))

    ids = [message.control_id for message in (new, cancel, other, again)]
    assert len(set(ids)) == 4
    assert new.get("ORC-2") == cancel.get("ORC-2") == new.get("OBR-2") != "P1"
    assert len({m.get("ORC-2") for m in (new, other, again)}) == 3
    assert new.get("ORC-2.2") == "EPR"
    assert new.get("ORC-4") != new.get("ORC-2")
    assert (new.get("PID-3"), new.get("OBR-4")) == ("X1", "MRHEAD")


def test_fresh_numbers_follow_the_separators_and_leave_nothing_and_null_alone():
    raw = b'MSH$*~\\&$EPR$$$$$$ORM*O01$M1$P$2.4\rORC$NW$P1*EPR$$\rOBR$1$""$$X\rOBR$2\r'

    fresh = Renumbering("T")(raw, 0)
    message = decode(fresh)

    assert message.control_id == "TC1"
    assert message.get("ORC-2") == "TP1"
    assert message.get("ORC-2.2") == "EPR"
    assert fresh.endswith(b'OBR$1$""$$X\rOBR$2\r')


def test_each_message_of_a_batch_gets_a_number():
    raw = b"BHS|^~\\&|EPR\r" + order(1) + order(2, placer="P2") + b"BTS|2\r"

    fresh = Renumbering("T")(raw, 0)

    assert fresh.count(b"|TC1|") == fresh.count(b"|TC2|") == 1
    assert fresh.startswith(b"BHS|^~\\&|EPR\rMSH")
    assert fresh.endswith(b"BTS|2\r")
