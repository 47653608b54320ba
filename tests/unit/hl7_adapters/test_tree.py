"""Messages as trees."""

from hypothesis import given
from hypothesis import strategies as st

from hl7_adapters.tree import MOST_SEGMENTS, tree_of

RAW = b'MSH|^~\\&|EPR|RA1\rPID|||A^B&C~D||""|X\\T\\Y\rZZZ\r'


def test_a_message_becomes_segments_fields_components():
    tree = tree_of(RAW)
    header, patient, last = tree.segments

    assert [segment.id for segment in tree.segments] == ["MSH", "PID", "ZZZ"]
    assert [(f.number, f.repetitions) for f in header.fields] == [
        (1, ((("|",),),)),
        (2, ((("^~\\&",),),)),
        (3, ((("EPR",),),)),
        (4, ((("RA1",),),)),
    ]
    assert [(f.number, f.is_null, f.repetitions) for f in patient.fields] == [
        (3, False, ((("A",), ("B", "C")), (("D",),))),
        (5, True, ((("",),),)),
        (6, False, ((("X&Y",),),)),
    ]
    assert last.fields == ()
    assert tree.left_out == 0
    assert tree.text.startswith("MSH")


def test_what_has_no_header_is_no_tree():
    assert tree_of(b"hello") is None


def test_a_tree_does_not_grow_without_end():
    tree = tree_of(RAW + b"NTE|1\r" * 5000)
    assert len(tree.segments) == MOST_SEGMENTS
    assert tree.left_out == 5003 - MOST_SEGMENTS


def test_the_sender_s_character_set_is_believed():
    raw = b"MSH|^~\\&|A\rPID|||||M\xfcller"
    assert "Müller" in tree_of(raw, charset="8859/1").text


@given(st.binary(max_size=300))
def test_any_bytes_behind_a_header_become_a_tree(rest):
    assert tree_of(b"MSH|^~\\&|A|" + rest) is not None
