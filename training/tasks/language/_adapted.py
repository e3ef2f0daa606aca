"""DistilBERT with low-rank adapters, on the weights of a folder."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ....files.opening import JSON, WEIGHTS
from ..._exceptions import TaskError
from ._libraries import check, first_line, libraries, without_their_reports

_PROJECTIONS = ["q_lin", "k_lin", "v_lin", "out_lin"]
_HEAD = "qa_outputs."
_READ = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
"""Names of weights that the library looks for."""
_OTHER_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".onnx", ".gguf")


@dataclass(frozen=True)
class Adapted:
    """Builds the adapted model of a folder with `config.json` and weights; with none at all they are random.

    Weights are `model.safetensors` or `pytorch_model.bin`, whole or in shards with an index; those of DistilBERT under
    another head serve too, and the head is new then. Raises `TaskError` for weights that are of another model, cannot
    be read, or are in a format that is not.
    """

    folder: Path

    @property
    def has_weights(self) -> bool:
        return any((self.folder / name).exists() for name in _READ)

    def positions(self) -> int:
        """Tokens that the model can look at."""
        return int(self._config().max_position_embeddings)

    def words(self) -> int:
        """Tokens that it knows."""
        return int(self._config().vocab_size)

    def __call__(self) -> nn.Module:
        _, peft = libraries()
        adapter = peft.LoraConfig(
            r=2, lora_alpha=32, lora_dropout=0.1, target_modules=_PROJECTIONS, modules_to_save=["qa_outputs"]
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # between the two libraries, not ours to follow
            return SpanLogits(peft.get_peft_model(self._base(), adapter).base_model.model)

    def _check_files(self) -> None:
        for path in self._files():
            check(path, JSON if path.suffix == ".json" else WEIGHTS)
        unread = sorted(path.name for path in self._files() if path.suffix in _OTHER_WEIGHTS)
        if unread and not self.has_weights:
            raise TaskError(
                f"{self.folder}: weights: expected model.safetensors or pytorch_model.bin, got {', '.join(unread)}"
            )

    def _files(self) -> Iterator[Path]:
        if self.folder.is_dir():
            yield from sorted(path for path in self.folder.iterdir() if not path.is_dir())

    def _config(self) -> Any:
        transformers, _ = libraries()
        self._check_files()
        try:
            # Eager attention: the fused kernels look at the mask's values, which vmap cannot.
            return transformers.DistilBertConfig.from_pretrained(
                self.folder, attn_implementation="eager", local_files_only=True
            )
        except (OSError, ValueError) as error:
            raise TaskError(f"{self.folder}: no readable config.json of DistilBERT: {first_line(error)}") from error

    def _base(self) -> Any:
        transformers, _ = libraries()
        kind = transformers.DistilBertForQuestionAnswering
        config = self._config()
        if not self.has_weights:
            return kind(config)
        try:
            with without_their_reports():
                model, report = kind.from_pretrained(
                    self.folder, config=config, local_files_only=True, dtype=torch.float32, output_loading_info=True
                )
        except Exception as error:  # of the library, of pickle, of torch: whatever a damaged file brings about
            raise TaskError(f"{self.folder}: weights cannot be loaded: {first_line(error)}") from error
        self._check_loaded(report)
        return model

    def _check_loaded(self, report: Any) -> None:
        """What the file lacks would stay random, which nobody asked for."""
        lacking = sorted(name for name in report["missing_keys"] if not name.startswith(_HEAD))
        if lacking:
            more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
            raise TaskError(f"{self.folder}: weights: expected those of DistilBERT, got none for {lacking[0]}{more}")
        if unlike := sorted(str(found) for found in report["mismatched_keys"]):
            raise TaskError(f"{self.folder}: weights: of another shape than config.json says: {unlike[0]}")


class SpanLogits(nn.Module):
    """Logits (B, tokens, 2) of an answer's start and end, from the adapted model's parts."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        # Ready-made and additive: the library would look at the mask's values to skip it, which vmap cannot.
        hidden = (1.0 - attention_mask) * torch.finfo(attention_mask.dtype).min
        states = self.model.distilbert(input_ids=input_ids, attention_mask=hidden[:, None, None, :])
        logits: Tensor = self.model.qa_outputs(self.model.dropout(states.last_hidden_state))
        return logits
