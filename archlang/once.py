"""What is computed of a node once: the analyses ask the same of the same nodes again and again."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from archlang import ir

F = TypeVar("F", bound=Callable[..., Any])


def once(function: F) -> F:
    """The same function of a node and more, which is computed once: what it gives is kept with the node, and goes with it.

    It depends on its arguments alone, which are hashable and given by position; what it gives is never changed.
    """

    @wraps(function)
    def asked(node: ir.Node, *question: Any) -> Any:
        answers, key = node.known, (function, question)
        if key not in answers:
            answers[key] = function(node, *question)
        return answers[key]

    return cast(F, asked)
