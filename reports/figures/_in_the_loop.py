"""Training with a circuit simulator in the loop, beside models of the same chip."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from ._theme import WIDTH, colours, ink

Vectors = Mapping[str, Float[np.ndarray, " parameters"]]


def in_the_loop(
    losses: Mapping[str, Float[np.ndarray, " steps"]], final: Vectors, sd: Float[np.ndarray, " p"]
) -> Figure:
    """Above: losses of the steps. Below: final parameters less those trained in ngspice, on a scale that is linear
    between the calibration's bars (one standard error) and logarithmic outside.

    `losses` and `final` by name, with `spice` among them.
    """
    figure = Figure(figsize=(WIDTH, 5.6))
    above, below = figure.subplots(2, 1, height_ratios=(3, 4))
    for k, (name, values) in enumerate(losses.items()):
        style = {"color": ink(), "linewidth": 3.2, "alpha": 0.45} if name == "spice" else {"color": colours()[k % 8]}
        above.plot(np.arange(len(values)), values, label=_LABELS.get(name, name), **style)
    above.set(xlabel="step", ylabel="loss on the batch", yscale="log")
    above.legend()
    number = np.arange(len(sd))
    for k, (name, values) in enumerate(final.items()):
        if name != "spice":
            below.plot(
                number, values - final["spice"], "o", ms=4, color=colours()[k % 8], label=_LABELS.get(name, name)
            )
    below.errorbar(number, np.zeros(len(sd)), sd, fmt="none", capsize=3, color=ink(), linewidth=1, label="calibration")
    threshold = max(4 * float(sd.max()), 1e-12)
    below.set_yscale("symlog", linthresh=threshold, linscale=2)
    # Ticks of the linear part would stand upon each other.
    decades = 10.0 ** np.arange(np.ceil(np.log10(threshold)), 1 + np.ceil(np.log10(_largest(final) + threshold)))
    below.set_yticks([*-decades, 0.0, *decades])
    below.set(xlabel="parameter", ylabel="difference to ngspice")
    below.legend(ncols=3, handletextpad=0.2, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return figure


def _largest(final: Vectors) -> float:
    return max(float(np.abs(values - final["spice"]).max()) for values in final.values())


_LABELS = {"spice": "ngspice in the loop", "calibrated": "calibrated model", "design": "design alone"}
