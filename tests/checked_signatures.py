"""What jaxtyping's import hook checks, at a price that all tests can pay.

The hook puts `jaxtyping.jaxtyped(typechecker=...)` on every function: two checkers are made of it when its module is
imported, and each call binds the arguments, checks them, and checks them once more with the result. That was half of
the time of all tests. Here a checker is made when its function is first called, looks at each value once, and keeps
sizes of axes only where annotations speak of arrays.
"""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType
from typing import Any, get_args, get_type_hints

import jaxtyping
from beartype import BeartypeConf, beartype


class _Refused(jaxtyping.TypeCheckError):
    """Says what was expected, as every message here and the hook's own do."""

    def __init__(self, message: str) -> None:
        super().__init__(f"Expected what the signature says: {message}")


# An integer is a `float` to annotations (PEP 484), as mypy has it.
_typed = beartype(conf=BeartypeConf(is_pep484_tower=True, violation_type=_Refused))

# What the hook takes; this module stands in for it below.
_jaxtyped = jaxtyping.jaxtyped


def install(rooms: list[str]) -> None:
    """Check signatures in these packages; to be called before one of them is imported."""
    jaxtyping.install_import_hook(rooms, "beartype.beartype")
    jaxtyping.jaxtyped = lambda typechecker: checked


def checked(what: Any) -> Any:
    """A function, or a class with the `__init__` of a dataclass, that refuses values of another type or shape."""
    if not inspect.isclass(what):
        return _when_called(what)
    if dataclasses.is_dataclass(what) and not hasattr(what.__init__, "checked"):
        what.__init__ = _when_called(what.__init__)
    return what


def _when_called(function: FunctionType) -> Callable[..., Any]:
    checker: Callable[..., Any] | None = None

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        nonlocal checker
        if checker is None:
            checker = _checker(function)
        return checker(*args, **kwargs)

    call.checked = True  # type: ignore[attr-defined]
    return call


def _checker(function: FunctionType) -> Callable[..., Any]:
    if inspect.isgeneratorfunction(function):
        # The checker of a generator would itself be one, and look at nothing before the first value is asked for.
        return _jaxtyped(function, typechecker=_typed)
    hints = dict(_hints(function))
    typed = _typed(_annotated(function, hints))
    return _in_own_scope(typed) if any(map(_has_axes, hints.values())) else typed


def _hints(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Annotations, without those that name what only type checkers import."""
    for name, hint in function.__annotations__.items():
        try:
            yield name, get_type_hints(_Annotated({name: hint}), function.__globals__, include_extras=True)[name]
        except NameError:
            continue


class _Annotated:
    def __init__(self, annotations: Mapping[str, Any]) -> None:
        self.__annotations__ = annotations


def _annotated(function: FunctionType, hints: Mapping[str, Any]) -> FunctionType:
    """The same function, with other annotations."""
    closure = function.__closure__
    twin = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__, closure)
    twin.__kwdefaults__ = function.__kwdefaults__
    twin.__annotations__ = dict(hints)
    return functools.update_wrapper(twin, function, assigned=("__module__", "__qualname__", "__doc__"), updated=())


def _has_axes(hint: Any) -> bool:
    arrays = inspect.isclass(hint) and issubclass(hint, jaxtyping.AbstractArray)
    return arrays or any(map(_has_axes, get_args(hint)))


def _in_own_scope(typed: Callable[..., Any]) -> Callable[..., Any]:
    """Names of axes stand for one size each, for the arguments and the result of one call."""

    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        with _jaxtyped("context"):
            return typed(*args, **kwargs)

    return call
