"""What the packages of the codec offer to the rest."""

import ast
from pathlib import Path

import pytest

import hl7_adapters
from hl7_adapters import datatypes, er7

ROOT = Path(hl7_adapters.__file__).parent


@pytest.mark.parametrize("package", [er7, datatypes], ids=lambda p: p.__name__)
def test_each_public_name_is_there_once(package):
    assert all(hasattr(package, name) for name in package.__all__)
    assert len(set(package.__all__)) == len(package.__all__)


@pytest.mark.parametrize("package", [er7, datatypes], ids=lambda p: p.__name__)
def test_nobody_outside_reaches_past_the_package(package):
    """The modules inside may be cut anew without anybody noticing."""
    inside = Path(package.__file__).parent
    reached = [
        (path.name, node.module)
        for path in ROOT.rglob("*.py")
        if inside not in path.parents
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith(f"{package.__name__}.")
    ]

    assert reached == []
