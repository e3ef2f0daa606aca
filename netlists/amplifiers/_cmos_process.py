"""Generic 180 nm-class CMOS process: BSIM3v3 model cards with round numbers of its own, and matching.

No foundry's data is in here. Threshold, mobility, oxide and overlap are the textbook numbers for a 0.18 um process
(T. C. Carusone, D. Johns, K. Martin, Analog Integrated Circuit Design, 2nd ed., 2011, table 1.5: |Vt0| = 0.45 V,
mu Cox = 270 and 70 uA/V^2, Cox = 8.5 fF/um^2, overlap 0.35 fF/um), rounded. Every parameter that is not named keeps
the default of the model (W. Liu et al., BSIM3v3.2.2 MOSFET model users' manual, UC Berkeley, 1999). Flicker noise is
K/(Cox W L f) referred to the gate with K of the order of 1e-24 V^2 F for n-channel and ten times less for p-channel
devices (B. Razavi, Design of Analog CMOS Integrated Circuits, 2nd ed., 2017, section 7.2). Matching follows
M. Pelgrom et al., IEEE J. Solid-State Circuits 24, 1433 (1989): about 1 mV um of A_VT per nm of oxide.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Literal

Channel = Literal["n", "p"]

OXIDE_PERMITTIVITY = 3.9 * 8.8541878128e-12
"""Of silicon dioxide [F/m]."""


@dataclass(frozen=True, slots=True)
class MosModel:
    """BSIM3v3 parameters of one kind of transistor, in the model's units (mobility [cm^2/Vs], lengths [m])."""

    channel: Channel
    vth0: float
    """Threshold of a long channel [V], negative for a p-channel."""
    u0: float
    """Mobility at low field [cm^2/Vs]."""
    vsat: float
    """Saturation velocity [m/s]."""
    rdsw: float
    """Source and drain resistance of one micrometre of width [ohm]."""
    flicker: float
    """K of the input-referred flicker noise K/(Cox W L f) [V^2 F]."""
    tox: float = 4.1e-9
    """Oxide thickness [m]."""
    nch: float = 2.4e17
    """Channel doping [1/cm^3]."""
    k1: float = 0.5
    """First-order body effect [sqrt(V)]."""
    pclm: float = 1.0
    """Channel length modulation."""
    pdiblc1: float = 0.1
    """Drain-induced barrier lowering in the output resistance."""
    eta0: float = 0.02
    """Drain-induced barrier lowering of the threshold."""
    overlap: float = 3.5e-10
    """Gate to drain and gate to source, by width [F/m]."""
    junction: float = 1e-3
    """Bottom of a junction, by area [F/m^2]."""
    sidewall: float = 2e-10
    """Side of a junction, by perimeter [F/m]."""

    @property
    def oxide_capacitance(self) -> float:
        """Capacitance of the gate by area [F/m^2]."""
        return OXIDE_PERMITTIVITY / self.tox

    @property
    def transconductance_factor(self) -> float:
        """mu Cox at low field [A/V^2]."""
        return self.u0 * 1e-4 * self.oxide_capacitance

    @property
    def kf(self) -> float:
        """Flicker coefficient of `noimod=1`, whose drain current noise is KF Id/(Cox L^2 f) [A F]."""
        # In strong inversion gm^2 = 2 mu Cox (W/L) Id, and K/(Cox W L f) gm^2 is that density.
        return 2 * self.transconductance_factor * self.flicker

    def card(self, name: str) -> str:
        """The model card."""
        values = {
            "tox": self.tox,
            "toxm": self.tox,
            "nch": self.nch,
            "vth0": self.vth0,
            "k1": self.k1,
            "k2": 0.0,
            "nlx": 0.0,
            "u0": self.u0,
            "vsat": self.vsat,
            "rdsw": self.rdsw,
            "pclm": self.pclm,
            "pdiblc1": self.pdiblc1,
            "eta0": self.eta0,
            "cgso": self.overlap,
            "cgdo": self.overlap,
            "cj": self.junction,
            "cjsw": self.sidewall,
            "kf": self.kf,
            "af": 1.0,
            "ef": 1.0,
        }
        text = " ".join(f"{key}={float(value)!r}" for key, value in values.items())
        return f".model {name} {self.channel}mos level=8 version=3.3.0 noimod=1 tnom=27.0 {text}"


@dataclass(frozen=True, slots=True)
class Process:
    """Transistors and their matching."""

    nmos: MosModel
    pmos: MosModel
    threshold_matching: float = 4e-9
    """A_VT: standard deviation of the threshold difference of two equal neighbours times sqrt(W L) [V m]."""
    factor_matching: float = 1e-8
    """A_beta: the same for the relative difference of their current factors [m]."""
    diffusion: float = 0.5e-6
    """Length of a source or drain region [m]."""

    def models(self, prefix: str) -> Mapping[Channel, str]:
        """Names of the model cards of a subcircuit."""
        return {"n": f"{prefix}_n", "p": f"{prefix}_p"}

    def cards(self, prefix: str) -> tuple[str, ...]:
        """Model cards."""
        names = self.models(prefix)
        return self.nmos.card(names["n"]), self.pmos.card(names["p"])

    def threshold_sigma(self, area: float) -> float:
        """Standard deviation of one transistor's threshold from the nominal one [V]; gate area [m^2]."""
        # A matching coefficient belongs to the difference of two.
        return self.threshold_matching / sqrt(2 * area)

    def factor_sigma(self, area: float) -> float:
        """The same for its relative current factor."""
        return self.factor_matching / sqrt(2 * area)


GENERIC_180NM = Process(
    nmos=MosModel("n", vth0=0.45, u0=340.0, vsat=9e4, rdsw=200.0, flicker=1e-24),
    pmos=MosModel("p", vth0=-0.45, u0=90.0, vsat=8e4, rdsw=400.0, flicker=1e-25),
)
"""Generic process of the 180 nm class for 1.8 V."""
