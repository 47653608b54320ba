"""Every deviation from the standard that is known from the field, and its test."""

from __future__ import annotations

from typing import Final

_WIRE = "tests/integration/test_mllp_deviations.py"
_BATCH = "tests/integration/test_mllp_batches.py"

DEVIATIONS: Final = (
    (
        "a form feed or another byte after FS",
        "skipped",
        f"{_WIRE}::test_form_feed_or_another_byte_after_fs",
    ),
    ("no CR after FS", "taken", f"{_WIRE}::test_missing_cr_after_fs"),
    ("LF after the last CR", "skipped", f"{_WIRE}::test_lf_after_the_last_cr"),
    ("text before VT", "kept, not answered", f"{_WIRE}::test_text_before_vt"),
    (
        "text between VT and MSH",
        "dropped, with a warning",
        f"{_WIRE}::test_text_between_vt_and_the_header",
    ),
    (
        "segments that end in LF or CR LF",
        "taken",
        f"{_WIRE}::test_lf_and_crlf_segment_ends",
    ),
    ("mixed segment ends", "taken", f"{_WIRE}::test_mixed_segment_ends"),
    (
        "no CR on the last segment",
        "taken",
        f"{_WIRE}::test_missing_cr_on_the_last_segment",
    ),
    (
        "a line break inside a field",
        "joined, with a warning",
        f"{_WIRE}::test_a_line_break_inside_a_field",
    ),
    ("NUL bytes", "dropped, with a warning", f"{_WIRE}::test_nul_bytes"),
    ("a byte order mark", "dropped", f"{_WIRE}::test_a_byte_order_mark"),
    (
        "spaces at the end of lines",
        "dropped",
        f"{_WIRE}::test_trailing_spaces_on_lines",
    ),
    ("blank lines", "skipped", f"{_WIRE}::test_blank_lines"),
    (
        "segment names in lower case",
        "taken, with a warning",
        f"{_WIRE}::test_lower_case_segment_ids",
    ),
    (
        "VT inside an unfinished frame",
        "the frame begins anew; what it was is kept",
        f"{_WIRE}::test_vt_inside_an_unfinished_frame",
    ),
    (
        "commit bytes of MLLP release 2",
        "skipped",
        f"{_WIRE}::test_release_2_commit_bytes",
    ),
    (
        "no framing at all, where agreed",
        "answered in the same style",
        f"{_WIRE}::test_raw_text_where_agreed_is_answered_in_the_same_style",
    ),
    (
        "no framing at all, where not agreed",
        "refused and kept",
        f"{_WIRE}::test_raw_text_where_not_agreed_is_refused_and_kept",
    ),
    (
        "two MSH in one frame",
        "each is carried out and answered",
        f"{_WIRE}::test_two_headers_in_one_frame",
    ),
    (
        "messages split over reads, several in one read",
        "put together",
        f"{_WIRE}::test_a_message_split_over_many_reads_and_many_in_one",
    ),
    (
        "segments and fields that the version does not have",
        "kept; read where they mean something",
        f"{_WIRE}::test_unknown_and_later_segments_and_extra_fields",
    ),
    (
        "several procedure steps (IPC) in one order",
        "one booking for all; held where they cannot be one",
        f"{_WIRE}::test_several_steps_in_one_order",
    ),
    (
        "segments in another order",
        "grouped by what they are",
        f"{_WIRE}::test_segments_in_another_order",
    ),
    (
        "no segment ends at all",
        "refused and kept",
        f"{_WIRE}::test_no_segment_ends_at_all_is_refused_and_kept",
    ),
    (
        "text that is not in the character set named",
        "read as what it is",
        f"{_WIRE}::test_smart_quotes_from_a_sender_that_declares_8859_1",
    ),
    (
        "a batch whose count is wrong, without a file header, without its end",
        "processed, with a warning",
        f"{_BATCH}::test_a_batch_of_any_shape_is_processed",
    ),
)
"""What senders do, what we do, and the test that shows it."""
