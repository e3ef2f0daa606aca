"""The words of one line: names, numbers, expressions in braces or quotes, and what is given by name."""

import re
from dataclasses import dataclass
from itertools import accumulate

_WORD = re.compile(r"\{[^{}]*\}|'[^']*'|\"[^\"]*\"|=|[^\s=,(){}'\"]+|[(),]|\s+")
_LISTS = frozenset({"pulse", "sin", "sine", "exp", "pwl", "poly", "dc", "ac", "r", "res", "c", "cap", "l", "ind", "v"})
"""Words that a parenthesis may follow without a blank."""

RESERVED = frozenset({
    "time", "temper", "hertz", "sqrt", "sqr", "exp", "ln", "log", "log10", "abs", "sgn", "sin", "cos", "tan", "asin",
    "acos", "atan", "arctan", "sinh", "cosh", "tanh", "floor", "ceil", "int", "nint", "min", "max", "pow", "pwr",
    "ternary_fcn", "gauss", "agauss", "unif", "aunif", "limit", "dc", "ac",
})  # fmt: skip
"""Names that a simulator has for itself."""

_SIMPLE = re.compile(r"[^=(),{}'\"]*")


def words(text: str) -> list[str]:
    """Words in lower case; parentheses and commas separate, `=` is a word.

    Raises:
        ValueError: brackets or quotes that do not close, or that stand inside a word.
    """
    text = text.lower()
    if _SIMPLE.fullmatch(text):
        return text.split()
    found: list[str] = []
    depth = 0
    at = 0
    blank = True
    while at < len(text):
        match = _WORD.match(text, at)
        if match is None:
            raise ValueError(f"expected brackets and quotes that close, got {text[at : at + 20]!r}")
        word = match[0]
        if word == "(":
            if not blank and (not found or found[-1] not in _LISTS):
                raise ValueError(f"expected a blank before the parenthesis behind {found[-1] if found else ''!r}")
            depth += 1
        elif word == ")":
            depth -= 1
        elif word != "," and not word.isspace():
            if not blank and found and "=" not in (word, found[-1]):
                raise ValueError(f"expected a blank between {found[-1][:20]!r} and {word[:20]!r}")
            found.append(word)
        if depth < 0:
            break
        blank = word in ("(", ")", ",", "=") or word.isspace()
        at = match.end()
    if depth != 0:
        raise ValueError("expected parentheses that close")
    return found


def check_separators(text: str) -> None:
    """Refuse what the words do not have any more: commas and parentheses among values by name.

    Raises:
        ValueError: one of them.
    """
    named = re.sub(r"\{[^{}]*\}|'[^']*'", "_", text.partition("=")[2])
    if found := re.search(r"[(),]", named):
        raise ValueError(f"simulators disagree on {found[0]!r} among values by name; write blanks")


_MISREAD = re.compile(r"(?<!\w)tc\s*=[^=,]*,|\(\s*[a-z_]\w*\s*\)", re.IGNORECASE)


def check_values(text: str) -> None:
    """Refuse what ngspice 39 takes for another thing on the card of a passive part.

    Raises:
        ValueError: `tc=a,b`, or a name in parentheses.
    """
    if found := _MISREAD.search(re.sub(r"\{[^{}]*\}|'[^']*'", "_", text)):
        raise ValueError(f"simulators disagree on {found[0][:40]!r}; write tc1=a tc2=b, and a name as {{name}}")


@dataclass(frozen=True, slots=True)
class Given:
    """Values by position, and by name."""

    positional: list[str]
    named: dict[str, list[str]]


def given(found: list[str]) -> Given:
    """Words sorted into those by position and those by name (`tc = 1e-3 2e-6` has two values).

    Raises:
        ValueError: a name without value, or one that is given twice.
    """
    if "=" not in found:
        return Given(found, {})
    starts = [k - 1 for k, word in enumerate(found) if word == "="]
    if starts[0] < 0:
        raise ValueError("expected a name before '='")
    named: dict[str, list[str]] = {}
    for start, end in zip(starts, [*starts[1:], len(found)], strict=True):
        values = found[start + 2 : end]
        if not values or "=" in values:
            raise ValueError(f"expected a value of {found[start]}")
        if found[start] in named:
            raise ValueError(f"{found[start]} is given twice")
        named[found[start]] = values
    return Given(found[: starts[0]], named)


def assignments(text: str) -> dict[str, str]:
    """`a=1 b={2*a} c=2 * a`: names in lower case with the text of their expressions.

    Raises:
        ValueError: something else.
    """
    text = text.lower()
    if re.search(r"(?<!\w)[a-z_]\w*\s*\([^()=]*\)\s*=(?!=)", text):
        raise ValueError("a function of one's own is not taken; write its expression where it is used")
    # Without what stands in braces and quotes, in which there may be '=='.
    plain = re.sub(r"\{[^{}]*\}|'[^']*'", lambda match: " " * len(match[0]), text)
    starts = [*re.finditer(r"(?:^|(?<=[\s,]))([a-z_][\w.$]*)\s*=(?!=)", plain)]
    if not starts or plain[: starts[0].start()].strip(" \t,"):
        raise ValueError("expected name=value")
    found: dict[str, str] = {}
    for match, end in zip(starts, [*(m.start() for m in starts[1:]), len(text)], strict=True):
        name = match[1]
        if name in found:
            raise ValueError(f"{name} is given twice")
        expression = text[match.end() : end].strip()
        if not expression:
            raise ValueError(f"expected a value of {name}")
        if expression.endswith(","):
            raise ValueError(f"simulators disagree on a comma behind {name}; write a blank")
        if re.search(r"\s", _outside(expression)):
            raise ValueError(f"simulators disagree on blanks in the expression of {name}; put it into braces")
        if name in RESERVED or not re.fullmatch(r"\w+", name):
            raise ValueError(f"simulators disagree on a parameter {name}; expected another name, of letters and digits")
        found[name] = expression
    return found


def _outside(expression: str) -> str:
    """What of an expression stands in no brackets or quotes."""
    plain = re.sub(r"\{[^{}]*\}|'[^']*'", "_", expression)
    depth = list(accumulate((c == "(") - (c == ")") for c in plain))
    return "".join(c for c, deep in zip(plain, depth, strict=True) if deep <= 0)


def unbraced(word: str) -> str | None:
    """The expression in `{...}` or `'...'`; None for another word."""
    if len(word) >= 2 and (word[0], word[-1]) in (("{", "}"), ("'", "'")):
        return word[1:-1]
    return None
