"""Files that would grow without bound, read one after the other: what was said and how long it took, as JSON."""

import json
import time

from thermospice.circuits import CircuitError
from thermospice.circuits.spice_files import parse_netlist


def nested(levels, width):
    """Subcircuits that each hold some of the one before: width^levels elements."""
    lines = ["t", ".subckt s0 a b", "R1 a b 1k", ".ends"]
    for k in range(1, levels):
        calls = [f"X{j} a b s{k - 1}" for j in range(width)]
        lines += [f".subckt s{k} a b", *calls, ".ends"]
    return "\n".join([*lines, f"X1 a 0 s{levels - 1}", "V1 a 0 1"])


SUM = "+".join(f"v(n{k})" for k in range(1500))
BOMBS = {
    "recursion": "t\n.subckt s a b\nX1 a b s\n.ends\nX1 a 0 s\n",
    "mutual recursion": "t\n.subckt s a b\nX1 a b u\n.ends\n.subckt u a b\nX1 a b s\nX2 a b s\n.ends\nX1 a 0 s\n",
    "growth": nested(30, 10),
    "empty growth": nested(30, 10).replace("R1 a b 1k\n", ""),
    "parentheses": "t\nR1 a 0 {" + "(" * 5000 + "1" + ")" * 5000 + "}\n",
    "signs": "t\nR1 a 0 {" + "-" * 15000 + "1k" + "}\n.subckt x",
    "long expression": "t\nR1 a 0 {" + "1+" * 50_000 + "1}\n",
    "powers": "t\nR1 a 0 {9**9**9**9**9}\n",
    "deep chain": "t\n"
    + "".join(f".param p{k}={{{'(' * 50}p{k + 1}{')' * 50}}}\n" for k in range(60))
    + ".param p60=1k\nR1 a 0 {p0}\n",
    "chain": "t\n" + "".join(f".param p{k}={{p{k + 1}}}\n" for k in range(5000)) + "R1 a 0 {p0}\n",
    "digits": "t\nR1 a 0 " + "9" * 100_000 + "\n",
    "digits of a parameter": "t\n.param p=" + "9" * 100_000 + "x\nR1 a 0 {p}\n",
    "exponent": "t\nR1 a 0 1e" + "9" * 6000 + "\n",
    "braces": "t\nR1 a 0 " + "{" * 50_000 + "\n",
    "equals": "t\nR1 a 0 " + "=" * 50_000 + "\n",
    "spaces": "t\n.param" + " " * 100_000 + "\nR1 a 0 1k\n",
    "names": "t\n.param " + "a" * 100_000 + "\nR1 a 0 1k\n",
    "continuations": "t\nR1 a 0 1k\n" + "+ x\n" * 20_000,
    "sums": "t\nV1 a 0 1\n" + "".join(f"B{k} b{k} 0 V={SUM}\n" for k in range(100)),
    "parentheses of a source": "t\nB1 b 0 V=" + "(" * 9000 + "v(a)" + ")" * 9000 + "\n",
    "blanks of a source": "t\nB1" + " " * 1_000_000 + "x 0 V=v(a)\n.subckt x",
    "failing chain": "t\n" + "".join(f".param p{k}={{p{k + 1}}}\n" for k in range(20_000)) + "R1 a 0 1\n",
    "one name": "t\n" + "R1 a 0 1\n" * 50_000,
    "lines": "t\n" + "bad line\n" * 20_000,
}


def tried(text: str) -> tuple[str, float]:
    """What a reader says of a text, and the processor time that it took [s]."""
    started = time.process_time()
    try:
        parse_netlist(text)
        said = ""
    except CircuitError as error:
        said = str(error)
    return said, time.process_time() - started


if __name__ == "__main__":
    print(json.dumps({name: tried(text) for name, text in BOMBS.items()}))
