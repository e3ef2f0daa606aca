"""torch's global generators: whether a call has drawn from them, and the way back."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class GeneratorStates:
    """The states of torch's generators of the CPU and of one device."""

    device: torch.device
    cpu: Tensor
    cuda: Tensor | None

    @classmethod
    def now(cls, device: torch.device) -> "GeneratorStates":
        cuda = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
        return cls(device, torch.get_rng_state(), cuda)

    def restore(self) -> None:
        torch.set_rng_state(self.cpu)
        if self.cuda is not None:
            torch.cuda.set_rng_state(self.cuda, self.device)

    def same_as(self, other: "GeneratorStates") -> bool:
        if self.cuda is None or other.cuda is None:
            return torch.equal(self.cpu, other.cpu)
        return torch.equal(self.cpu, other.cpu) and torch.equal(self.cuda, other.cuda)
