"""A chip as a subcircuit of plain ngspice."""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Complex, Float

from ..cards import Noise, SpiceWriter, pieces, starting_nodes
from ._chip import Exported, Source

IDEAL_GAIN = 1e12
"""Of an ideal amplifier: its error stays a millionth of what is compared."""

_CELSIUS = 273.15


def subcircuit(chip: Exported) -> str:
    """The text of a file with one subcircuit, to be included.

    Raises:
        NetlistError: a name or a number that is not plain, or a node without a path for direct current to ground.
    """
    v0 = np.zeros(len(chip.outputs))
    writer = SpiceWriter(v0, starting_nodes(chip.network, v0), Noise("spectral", chip.network.temperature, 0.0), None)
    cards = pieces(chip.network, writer, lambda card: (card.kind, card.name), IDEAL_GAIN, chip.driven)
    inside = [*_drives(chip.sources, chip.inputs), *cards]
    head = [
        *chip.comments,
        f"pins: {' '.join(chip.pins)}",
        chip.meaning,
        "Node 0 is ground. With uic capacitors and inductors start at their ic=, 0 where there is none. Rails and slew"
        " rate of the amplifiers are in it.",
        f"Its noise is that at {_celsius(chip)} C: write .options temp={_celsius(chip)} tnom={_celsius(chip)}.",
    ]
    lines = [f"* {line}" for line in head]
    return "\n".join(
        (*lines, f".subckt {chip.name} {' '.join(chip.pins)}", *map(str, inside), f".ends {chip.name}", "")
    )


def spice_bench(
    chip: Exported,
    file: str,
    drive: Float[np.ndarray, " n"],
    band: tuple[float, float],
    ac: Complex[np.ndarray, " n"] | None = None,
) -> str:
    """A circuit that ngspice runs as it is (`ngspice -b`) beside the subcircuit's file: inputs at `drive` [V].

    The response is to `ac` [V], the drive itself unless given.

    It prints the operating point, and writes the response to the whole drive and the noise of the first output to
    files over `band` [Hz].
    """
    low, high = (repr(float(f)) for f in band)
    outputs = " ".join(f"v({node})" for node in chip.outputs)
    return "\n".join(
        (
            f"* {chip.name}: operating point, response to the {'whole drive' if ac is None else 'ac stimuli'}, noise of"
            " the first output",
            f".options temp={_celsius(chip)} tnom={_celsius(chip)} reltol=1e-9 vntol=1e-12 abstol=1e-15",
            f".include {file}",
            *(
                f"v{node} {node} 0 dc {float(b)!r} ac {float(abs(a))!r} {float(np.degrees(np.angle(a)))!r}"
                for node, b, a in zip(chip.inputs, drive, drive if ac is None else ac, strict=True)
            ),
            f"x1 {' '.join(chip.pins)} {chip.name}",
            ".control",
            "op",
            f"print {outputs}",
            f"ac dec 10 {low} {high}",
            f"wrdata response.txt {outputs}",
            f"noise v({chip.outputs[0]}) v{chip.inputs[0]} dec 10 {low} {high}",
            "setplot noise1",
            "wrdata noise.txt onoise_spectrum",
            # Without it ngspice leaves with an error, since it saw no analysis outside of this block.
            "quit 0",
            ".endc",
            ".end",
            "",
        )
    )


def _celsius(chip: Exported) -> str:
    return repr(round(float(chip.network.temperature) - _CELSIUS, 9))


def _drives(sources: Sequence[Source], inputs: Sequence[str]) -> Iterator[str]:
    for source in sources:
        parts = list(source.gains.items()) or [(0, 0.0)]
        if source.kind == "i":
            for k, gain in parts:
                yield f"G{source.name}_{k} {source.a} {source.b} {inputs[k]} 0 {gain!r}"
            continue
        below = source.b
        for count, (k, gain) in enumerate(parts, start=1):
            above = source.a if count == len(parts) else f"{source.name}_s{count}"
            yield f"E{source.name}_{k} {above} {below} {inputs[k]} 0 {gain!r}"
            below = above
