"""The pages name what exists: files, other pages and their headings, benchmarks."""

import re
from pathlib import Path

import pytest

from benchmarks.__main__ import NAMES, OTHERS

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("docs/**/*.md")), ROOT / "README.md", ROOT / "CHANGELOG.md"]


def named(page):
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_pages_that_a_page_points_to_exist(page):
    text = page.read_text()
    linked = {page.parent / to for to in re.findall(r"\]\(([\w/-]+\.md)", text)}
    named_there = {ROOT / to for to in re.findall(r"docs/[\w/-]+\.md", text)}

    assert [to for to in sorted(linked | named_there) if not to.exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_headings_that_a_page_points_to_exist(page):
    pointed = re.findall(r"docs/([\w-]+\.md), \"([^\"]+)\"", page.read_text())

    missing = [
        (other, heading)
        for other, heading in pointed
        if f"# {heading}" not in (ROOT / "docs" / other).read_text()
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_tests_that_a_page_names_exist(page):
    tests = re.findall(r"`(tests/[\w/.]+)`", page.read_text())

    assert [test for test in tests if not (ROOT / test).exists()] == []


def test_each_benchmark_has_its_row():
    page = (ROOT / "docs" / "benchmarking.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)

    assert sorted(rows) == sorted([*NAMES, *OTHERS])
    for name in rows:
        assert (ROOT / "benchmarks" / f"{name}.py").exists()
