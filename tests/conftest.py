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

from .checked_signatures import install  # noqa: E402 - BLAS reads its environment when numpy is loaded

install(
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
    ]
)
