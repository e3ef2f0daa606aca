"""`thermospice fetch`: data that are not shipped, from where they are kept."""

from typing import Annotated

import typer

from ..frame import AsJson, Out, Quiet, Seed, job

EXAMPLE = "Example: thermospice fetch mnist --out data/mnist"


def add_to(app: typer.Typer) -> None:
    app.command(epilog=EXAMPLE)(fetch)


def fetch(
    name: Annotated[str, typer.Argument(help="mnist.")],
    mirror: Annotated[
        str | None,
        typer.Option(
            "--mirror",
            help="Address of a folder with the files: https, http or file. \\[default: two that are known]",
            show_default=False,
        ),
    ] = None,
    out: Out = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Download a data set and check its content; train and sweep take the folder by --data."""
    with job("fetch", out, quiet, as_json) as this:
        from .._exceptions import InputError

        if name != "mnist":
            raise InputError(f"NAME: expected mnist, got {name!r}")
        from ...training.tasks import MIRRORS, MNIST, fetch_mnist

        with this.step("downloading four files"):
            found = fetch_mnist(this.folder, MIRRORS if mirror is None else (mirror,))
        files = [{"name": p.name, "bytes": p.stat().st_size, "sha256_unpacked": MNIST[p.name]} for p in found]
        this.finish({"data": name, "folder": str(this.folder), "files": files})
