# SPDX-License-Identifier: MIT
"""Functions on greenlets that are tasks to a loop, and coroutines that are calls to a function."""

import contextvars
import types
from typing import Any, Callable, Coroutine, Generator, TypeVar, Union, cast

try:
    from greenlet import getcurrent, greenlet
except ImportError:
    raise ImportError("copas.sequential needs the package greenlet: pip install greenlet, or "
                      "install copas with its extra, copas[greenlet]", name="greenlet") from None

T = TypeVar("T")


class _Body(greenlet):
    """A function that a task runs; its parent is the greenlet that runs the loop."""


@types.coroutine
def _steps(function: Callable[..., T], arguments: "tuple[Any, ...]") -> Generator[Any, None, T]:
    body = _Body(function)
    body.gr_context = contextvars.copy_context()
    given = body.switch(*arguments)
    while not body.dead:
        try:
            yield given
        except BaseException as error:
            given = body.throw(error)
        else:
            given = body.switch()
    return cast(T, given)


def on_greenlet(function: Callable[..., T], *arguments: Any) -> "Coroutine[Any, Any, T]":
    """A coroutine that calls a function on a greenlet of its own; there wait_for() may wait."""
    return cast("Coroutine[Any, Any, T]", _steps(function, arguments))


def wait_for(steps: "Union[Coroutine[Any, Any, T], Generator[Any, None, T]]") -> T:
    """Runs a coroutine of the package to its end, in the function that calls this."""
    body = getcurrent()
    if type(body) is not _Body:
        steps.close()
        raise RuntimeError("a call that waits must be in a function that copas.sequential.run() "
                           "runs, or one that it spawns")
    loop = body.parent
    try:
        wait = steps.send(None)
        while True:
            try:
                loop.switch(wait)  # type: ignore[union-attr]
            except BaseException as error:
                wait = steps.throw(error)
            else:
                wait = steps.send(None)
    except StopIteration as end:
        return cast(T, end.value)
