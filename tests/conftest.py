"""One BLAS thread, a non-interactive plot backend, and shape checks on every annotated signature."""

import os
import signal

# Started in the background or by `nohup`, as some CI systems do, the tests would hand ignored signals on to what they
# start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
for _number in (signal.SIGHUP, signal.SIGQUIT):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.SIG_DFL)

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["MPLBACKEND"] = "Agg"

from jaxtyping import install_import_hook  # noqa: E402 - BLAS reads its environment when numpy is loaded

# Must be installed before the first import of a checked room.
install_import_hook(
    [
        f"thermospice.{room}"
        for room in (
            "files",
            "circuits",
            "measurements",
            "netlists",
            "behavioral",
            "training",
            "reports",
            "fidelity",
            "campaigns",
        )
    ],
    # An integer is a `float` to annotations (PEP 484), as mypy has it.
    "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))",
)
