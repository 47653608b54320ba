"""The description is valid OpenAPI 3.1 as far as clients depend on it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from api.idempotency import SAFE_POSTS

Operation = tuple[str, str, dict[str, Any]]


@pytest.fixture
def document(world: Any) -> dict[str, Any]:
    """The description as served."""
    found: dict[str, Any] = world.http.get("/openapi.json").json()
    return found


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_it_is_of_version_3_1_and_every_reference_leads_somewhere(
    document: dict[str, Any],
):
    assert document["openapi"].startswith("3.1")
    for reference in references(document):
        node: Any = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_every_operation_has_a_stable_name_of_its_own(document: dict[str, Any]):
    names = [operation["operationId"] for _, _, operation in operations(document)]

    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z]+(_[a-z0-9]+)+", name) for name in names)
    assert {
        "list_orders",
        "vet_order",
        "search_for_slots",
        "confirm_hold",
        "reschedule_appointment",
        "get_decision",
        "request_plan_run",
    } <= set(names)


def test_every_operation_is_described_tagged_and_its_path_declared(
    document: dict[str, Any],
):
    tags = {tag["name"] for tag in document["tags"]}
    for path, _, operation in operations(document):
        assert operation["description"].strip()
        assert set(operation["tags"]) <= tags
        declared = {
            p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"
        }
        assert declared == set(re.findall(r"{(\w+)}", path))
        assert operation["responses"]


def test_every_call_lists_its_problems(document: dict[str, Any]):
    for path, _, operation in operations(document):
        if not path.startswith("/v1/"):
            continue
        for status in ("401", "422", "500"):
            content = operation["responses"][status]["content"]
            assert content["application/problem+json"]["schema"] == {
                "$ref": "#/components/schemas/Problem"
            }


def test_unsafe_posts_ask_for_a_key_and_changes_for_a_version(
    document: dict[str, Any],
):
    for path, method, operation in operations(document):
        headers = {
            p["name"]: p["required"]
            for p in operation.get("parameters", ())
            if p["in"] == "header"
        }
        unsafe = method == "post" and path not in SAFE_POSTS
        assert headers.get("Idempotency-Key", False) == unsafe, path
        if path.endswith(("/reschedule", "/cancel", "/outcome", "/entered-in-error")):
            assert "if-match" in headers
            assert "428" in operation["responses"]


def test_every_body_has_an_example(document: dict[str, Any]):
    for path, _, operation in operations(document):
        body = operation.get("requestBody")
        if body is None:
            continue
        text = body["content"].get("application/yaml")
        if text is not None:
            assert text["schema"]["examples"], path
            continue
        reference = body["content"]["application/json"]["schema"]["$ref"]
        schema = document["components"]["schemas"][reference.rsplit("/", 1)[-1]]
        assert schema["examples"], path
