"""MiniStack with AUTH=true, and what it lacks for playing the cloud of a stack whose roles count.

1. Policy variables, such as `${aws:PrincipalTag/headrig:host}`, in resources and conditions. MiniStack knows what they
   stand for, but takes them by the letter. As in AWS, a statement with a variable that stands for nothing does not
   match, unless a default is given: `${key, 'default'}`.
2. The condition key `cloudwatch:namespace`, and calls of CloudWatch that come as CBOR, on which it fails.

3. Events that AWS's services send, such as Glue's of its runs, may be put by the root, who plays these services.

Nothing is allowed by this that AWS would refuse to a role. What is deployed is the template as it is. Knows nothing of
headrig.
"""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import cbor2
from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.services import eventbridge

VARIABLE = re.compile(r"\$\{\s*([^},\s]+)\s*(?:,\s*'([^']*)')?\s*\}")
GZIP = b"\x1f\x8b"
PUT = "cloudwatch:PutMetricData"

Statement = iam_evaluator.ParsedStatement
Context = iam_evaluator.EvalContext


class Unknown(Exception):
    """A variable stands for nothing in this request."""


def expanded(text: str, context: Context) -> str:
    """`text` with what its variables stand for. Raises `Unknown`."""

    def value(found: re.Match[str]) -> str:
        known = iam_evaluator._resolve_condition_key(found[1], context)
        known = found[2] if known is None else known
        if not isinstance(known, str) or set(known) & set("*?$"):
            # A list stands for no one text; a wildcard in a value would be a letter, for which there is no way to say.
            raise Unknown(found[1])
        return known

    return VARIABLE.sub(value, text)


def expand(statement: Statement, context: Context) -> Statement:
    """The statement as it is meant in this request. Raises `Unknown`."""

    def each(values: Any) -> Any:
        return [expanded(str(value), context) for value in ([values] if isinstance(values, str) else values)]

    conditions = {
        operator: {key: each(values) if isinstance(values, str | list) else values for key, values in block.items()}
        if isinstance(block, dict)
        else block
        for operator, block in statement.conditions.items()
    }
    resources, others = each(statement.resources), each(statement.not_resources)
    return replace(statement, resources=resources, not_resources=others, conditions=conditions)


def namespace(body: bytes, content_type: str) -> str | None:
    """The namespace that a PutMetricData names, in each of the three ways it may come."""
    try:
        plain = gzip.decompress(body) if body.startswith(GZIP) else body
        if "cbor" in content_type:
            told: Any = cbor2.loads(plain)
        elif "json" in content_type:
            told = json.loads(plain)
        else:
            told = {name: values[0] for name, values in parse_qs(plain.decode()).items()}
        found = told.get("Namespace")
    except (ValueError, OSError, EOFError, AttributeError, cbor2.CBORDecodeError):
        return None
    return found if isinstance(found, str) else None


def enable() -> None:
    """Adds all of it to the MiniStack of this process."""
    first_match = iam_evaluator._first_match
    extract_action, tag_context = iam_actions.extract_iam_action, iam_actions.request_tag_context
    resource = iam_actions.extract_resource_arn
    kind: dict[str, str] = {}

    def first_match_expanded(context: Context, statements: list[Statement], effect: str) -> Statement | None:
        for statement in statements:
            try:
                found = first_match(context, [expand(statement, context)], effect)
            except Unknown:
                continue
            if found:
                return found
        return None

    def action(service: str, method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> str | None:
        kind["content"] = headers.get("content-type", "")
        if service == "monitoring" and (found := re.search(r"/operation/(\w+)$", path)):
            return f"cloudwatch:{found[1]}"
        return extract_action(service, method, path, headers, body, query)

    def resource_of(service: str, method: str, path: str, headers: dict[str, str], *more: Any) -> str:
        # None of CloudWatch's calls for figures knows resources.
        is_figures = service == "monitoring" and "cbor" in headers.get("content-type", "")
        return "*" if is_figures else str(resource(service, method, path, headers, *more))

    def context(service: str, iam_action: str, body: bytes, query: Any) -> dict[str, Any]:
        # Both are called for one request without anything between them, on one thread.
        keys = tag_context(service, iam_action, body, query)
        named = namespace(body, kind.get("content", "")) if iam_action == PUT else None
        return keys | ({"cloudwatch:namespace": named} if named else {})

    put_events = eventbridge._put_events

    def put(data: Any, allow_aws_source: bool = False) -> Any:
        return put_events(data, allow_aws_source or iam_evaluator.caller_arn().endswith(":root"))

    eventbridge._put_events = put
    iam_evaluator._first_match = first_match_expanded
    iam_actions.extract_iam_action = action
    iam_actions.extract_resource_arn = resource_of
    iam_actions.request_tag_context = context
    # With TLS it would also listen on port 443.
    app._port_is_bindable = lambda *_: False


if __name__ == "__main__":
    enable()
    app.main()
