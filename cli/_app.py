"""The typer application. Only typer is loaded here: each command imports what it needs when it runs."""

import os
import sys
from collections.abc import Sequence

import typer

from ..files import explain, warnings_in_one_line
from ..files.opening import trust_no_current_folder
from .commands import calibrate, designs, export, fetch, report, run, simulate, solve, sweep, symbolic, train, verify
from .frame import RememberingGroup, garbage_left_longer, kept_streams, open_descriptors
from .signals import children_are_heard

app = typer.Typer(
    name="thermospice",
    cls=RememberingGroup,
    help="Simulate thermodynamic computers in SPICE and train neural networks with them.",
    epilog="Example: thermospice run --quick",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

run.add_to(app)
designs.add_to(app)
simulate.add_to(app)
symbolic.add_to(app)
solve.add_to(app)
calibrate.add_to(app)
verify.add_to(app)
export.add_to(app)
fetch.add_to(app)
train.add_to(app)
sweep.add_to(app)
report.add_to(app)


@app.callback(invoke_without_command=True)
def _options(version: bool = typer.Option(False, "--version", help="Show the version and leave.")) -> None:
    if version:
        from ..netlists.simulators import own_version

        typer.echo(f"thermospice {own_version()}")
        raise typer.Exit()


def perform(arguments: Sequence[str] | None) -> int:
    """As `main`.

    Raises:
        KeyboardInterrupt: outside of a command, which would have said so itself.
    """
    # Linear algebra here is many small problems: threads inside each cost more than they bring, and the work is
    # spread over processes. It must be said before numpy is loaded.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    # Results lie in folders that others have filled: what is called json.py there is no code of ours.
    trust_no_current_folder()
    open_descriptors()
    warnings_in_one_line()
    children_are_heard()
    with kept_streams():
        return _run(arguments)


def _run(arguments: Sequence[str] | None) -> int:
    # Everything that a command refuses ends in its own error boundary; what arrives here is about the options.
    try:
        with garbage_left_longer():
            code = app(args=arguments, prog_name="thermospice", standalone_mode=False)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except typer.Exit as leave:
        return leave.exit_code
    except Exception as error:
        print(f"thermospice: error: {explain(error)}", file=sys.stderr)
        return 2
    return code if isinstance(code, int) else 0
