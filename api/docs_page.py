"""The page at ``/docs``: every operation on one page, without scripts or a network.

It is made from the OpenAPI document, so it cannot say anything else.
"""

from __future__ import annotations

import json
from html import escape
from typing import Any, Final

_STYLE: Final = """
body{font:16px/1.5 Arial,sans-serif;margin:0 auto;max-width:62rem;padding:1rem;
color:#212b32;background:#fff}
h1{font-size:1.8rem}h2{margin-top:2.5rem;border-bottom:1px solid #aeb7bd}
summary{cursor:pointer;padding:.4rem 0}summary:focus-visible{outline:3px solid #ffb81c}
code,pre{font-family:ui-monospace,monospace;font-size:.9rem}
pre{background:#f0f4f5;padding:.7rem;overflow:auto}
.method{display:inline-block;min-width:4.5rem;font-weight:bold}
table{border-collapse:collapse}th,td{text-align:left;padding:.2rem 1rem .2rem 0;
vertical-align:top;border-bottom:1px solid #d8dde0}
"""


def docs_page(document: dict[str, Any]) -> str:
    """Return the page for an OpenAPI document, as HTML."""
    info = document["info"]
    title = escape(info["title"])
    sections = [
        f"<h2 id='{escape(tag['name'])}'>{escape(tag['name'])}</h2>"
        f"<p>{escape(tag['description'])}</p>"
        + "".join(_operation(*one, document) for one in _of_tag(document, tag["name"]))
        for tag in document["tags"]
    ]
    links = " · ".join(
        f"<a href='#{escape(tag['name'])}'>{escape(tag['name'])}</a>"
        for tag in document["tags"]
    )
    return (
        "<!doctype html><html lang='en-GB'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'>"
        f"<title>{title}</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>{title} {escape(info['version'])}</h1>"
        f"<p>{escape(info.get('description', ''))}</p>"
        "<p>For programs: <a href='/openapi.json'>/openapi.json</a>"
        f" (OpenAPI {escape(document['openapi'])}).</p><nav>{links}</nav>"
        f"{''.join(sections)}</main></body></html>"
    )


def _of_tag(
    document: dict[str, Any], tag: str
) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if operation.get("tags", [""])[-1] == tag
    ]


def _operation(
    path: str, method: str, operation: dict[str, Any], document: dict[str, Any]
) -> str:
    text = escape(operation.get("description", operation.get("summary", "")))
    return (
        f"<details id='{escape(operation['operationId'])}'><summary>"
        f"<span class='method'>{method.upper()}</span> <code>{escape(path)}</code>"
        f" {text}</summary>"
        f"{_parameters(operation)}{_body(operation, document)}{_responses(operation)}"
        "</details>"
    )


def _parameters(operation: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(one['in'])}"
        f"{', required' if one.get('required') else ''}</td>"
        f"<td>{escape(one.get('description', ''))}</td></tr>"
        for one in operation.get("parameters", ())
    )
    if not rows:
        return ""
    head = "<tr><th>Parameter</th><th>In</th><th>Meaning</th></tr>"
    return f"<table>{head}{rows}</table>"


def _body(operation: dict[str, Any], document: dict[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").rsplit("/", 1)[-1]
    examples = document["components"]["schemas"].get(name, {}).get("examples", ())
    return "".join(
        f"<p>Body, for example:</p><pre>{escape(json.dumps(one, indent=2))}</pre>"
        for one in examples
    )


def _responses(operation: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{escape(status)}</td><td>{escape(one['description'])}</td></tr>"
        for status, one in sorted(operation["responses"].items())
    )
    return f"<table><tr><th>Status</th><th>Answer</th></tr>{rows}</table>"
