"""Files of users are opened in one place: everything else in the product goes through it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import thermospice.cli
import thermospice.files

# A strict editable install links file by file: beside the linked room lie the others.
ROOMS = (
    "files", "circuits", "measurements", "netlists", "behavioral", "training", "reports", "fidelity",
    "campaigns", "cli",
)  # fmt: skip
ROOT = Path(thermospice.files.__file__).resolve().parents[1]
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))

FORBIDDEN_NAMES = {"open", "eval", "exec"}
FORBIDDEN_METHODS = {
    "open", "fdopen", "read_text", "read_bytes", "safe_load", "safe_load_all", "full_load", "unsafe_load", "loadtxt",
    "genfromtxt", "fromfile", "fromregex", "memmap", "open_memmap", "load_dataset", "load_dataarray", "open_dataset",
    "open_dataarray", "open_datatree", "open_groups", "open_mfdataset", "open_zarr", "load_datatree", "read_csv",
    "read_table", "read_pickle", "read_json", "loadmat", "parse_file",
}  # fmt: skip
FORBIDDEN_FUNCTIONS = {
    "np.load", "numpy.load", "torch.load", "torch.jit.load", "h5py.File", "h5netcdf.File", "yaml.load", "json.load",
    "json.loads", "json.JSONDecoder", "pickle.load",
    "pickle.loads", "gzip.decompress", "gzip.GzipFile", "bz2.decompress",
    "lzma.decompress", "zipfile.ZipFile", "tarfile.TarFile", "sqlite3.connect", "io.FileIO", "os.read", "xr.load",
    "marshal.loads", "shelve.open", "linecache.getline",
}  # fmt: skip

OWN = frozenset({"files.read_json", "files.read_bytes", "files.read_text"})
"""What is read by the room itself."""

ALLOWED = {
    ("files/opening/_opening.py", "os.open"): "the one place",
    ("files/opening/_opening.py", "os.fdopen"): "the one place",
    ("files/_json.py", "json.JSONDecoder"): "the one place, of text that is counted",
    ("files/_yaml.py", "yaml.load"): "the one place, with a strict loader",
    ("files/_writing.py", "open"): "to write a file that is not there yet",
    ("files/_writing.py", "os.open"): "to write",
    ("files/netcdf.py", "xr.load_dataset"): "after another process has judged the file",
    ("files/_check_netcdf.py", "h5py.File"): "the process that judges, which is stopped from outside",
    ("files/_check_netcdf.py", "h5netcdf.File"): "the process that judges, which is stopped from outside",
    ("circuits/chips/_design_and_instance.py", "read_text"): "of the package itself",
    ("reports/_report.py", "read_text"): "of the package itself",
    ("reports/figures/_matplotlib.py", "os.open"): "the current folder, to come back to it",
    ("training/runs/_checkpoint.py", "torch.load"): "of an open file, weights only, whose parts are counted",
    ("training/runs/_checkpoint.py", "zipfile.ZipFile"): "of an open file, for its list of parts",
    ("training/runs/_metrics.py", "open"): "to append, to a plain file of its own",
    ("campaigns/runs/_store.py", "os.open"): "the lock, which is not read",
    ("campaigns/runs/_store.py", "sqlite3.connect"): "a file that was checked, or a new one",
    ("campaigns/runs/_child_process.py", "os.open"): "the null device, for what a fork prints",
    ("campaigns/runs/_child_process.py", "os.fdopen"): "the pipes to a process of its own",
    ("campaigns/runs/_child_process.py", "os.read"): "the answers of a process of its own",
    ("campaigns/runs/_child_process.py", "json.loads"): "the answers of a process of its own",
    ("campaigns/runs/_child.py", "os.fdopen"): "the output to the process that asks",
    ("campaigns/runs/_child.py", "json.loads"): "what the process that started it asks",
    ("campaigns/runs/_circuit_run.py", "json.loads"): "what the process that started it asks",
    ("campaigns/planning/_circuit_tasks.py", "json.loads"): "a copy of plain data",
    ("campaigns/planning/_training_tasks.py", "json.loads"): "a copy of plain data",
    ("cli/frame/_streams.py", "os.open"): "the null device, to write to",
    ("behavioral/exports/_numpy_chip.py", "read_text"): "of the package itself",
    ("behavioral/exports/_numpy_circuit.py", "read_text"): "of the package itself",
    ("campaigns/_forecast.py", "json.loads"): "a copy of plain data",
    ("netlists/exports/_chip.py", "read_text"): "of the package itself",
    ("measurements/layout/_content.py", "open"): "a file in memory, to write",
    ("measurements/layout/_content.py", "h5netcdf.File"): "a file in memory, to write",
    ("campaigns/planning/_netlist_tasks.py", "json.loads"): "a copy of plain data",
    ("netlists/own_circuits/_simulate_circuit.py", "json.loads"): "an attribute that was written just now",
    ("netlists/runs/_agreement.py", "json.loads"): "an attribute that was written just now",
    ("netlists/runs/_checked_simulation.py", "json.loads"): "an attribute that was written just now",
    ("netlists/simulators/_private_folder.py", "os.open"): "a folder of its own, to hold its lock",
    ("netlists/simulators/_process.py", "open"): "the log of the simulator in a folder of its own",
    ("netlists/simulators/_process.py", "os.read"): "the log of the simulator, up to a limit",
}


def bare_reads(source: str) -> Iterator[str]:
    """Calls (and mentions, which may be called later) that open or parse a file by themselves, as they are spelled."""
    tree = ast.parse(source)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        # A value may have a field of this name, which is not called.
        if isinstance(node, ast.Attribute) and node.attr == "open" and id(node) not in called:
            continue
        if isinstance(node, ast.Attribute):
            spelled = ast.unparse(node)
            if (node.attr in FORBIDDEN_METHODS and spelled not in OWN) or spelled in FORBIDDEN_FUNCTIONS:
                of_module = isinstance(node.value, ast.Name)
                yield spelled if of_module and node.value.id in _MODULES_BY_NAME else node.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_NAMES:
            yield node.func.id
        elif isinstance(node, ast.ImportFrom) and node.module in _MODULES_BY_NAME and node.level == 0:
            spelled_names = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name for name in spelled_names if name in FORBIDDEN_FUNCTIONS or _is_method(name))


_MODULES_BY_NAME = {name.split(".")[0] for name in FORBIDDEN_FUNCTIONS} | {"os", "xr", "xarray", "pandas", "pd", "io"}


def _is_method(name: str) -> bool:
    return name.rpartition(".")[2] in FORBIDDEN_METHODS


def reads_of(path: Path) -> set[tuple[str, str]]:
    name = path.relative_to(ROOT).as_posix()
    return {(name, read) for read in bare_reads(path.read_text(encoding="utf-8"))}


def test_every_room_is_looked_at():
    assert len(MODULES) > 300
    assert Path(thermospice.cli.__file__).resolve().parent == ROOT / "cli"


@pytest.mark.parametrize(
    "source",
    [
        "open('x')", "Path('x').open()", "path.read_text()", "path.read_bytes()", "np.load('x')", "torch.load('x')",
        "h5py.File('x')", "xr.open_dataset('x')", "xr.load_dataset('x')", "xr.open_zarr('x')", "yaml.safe_load('x')",
        "gzip.open('x')", "gzip.decompress(b'')", "zipfile.ZipFile('x')", "json.load(f)", "json.loads('1')",
        "np.loadtxt('x')", "np.genfromtxt('x')", "np.fromfile('x')", "np.memmap('x')", "os.open('x', 0)",
        "sqlite3.connect('x')", "pickle.load(f)", "from json import loads", "from yaml import safe_load",
        "from numpy import load", "f(path.read_text)", "torch.jit.load('x')",
    ],
)  # fmt: skip
def test_a_bare_read_is_seen(source):
    # A check of the test itself.
    assert list(bare_reads(source))


@pytest.mark.parametrize("source", ["read_text(path, JSON)", "opened(path, JSON)", "json.dumps(1)", "store.load()"])
def test_reading_through_the_room_is_not_bare(source):
    assert not list(bare_reads(source))


def test_nothing_in_the_product_opens_a_file_by_itself():
    # Catches a new reader that waits for a pipe, or reads a device to its end.
    found = set().union(*(reads_of(path) for path in MODULES))
    new = sorted(f"{name}: {read}" for name, read in found - ALLOWED.keys())
    assert not new, f"read through thermospice.files instead: {new}"


def test_every_exception_is_still_needed():
    found = set().union(*(reads_of(path) for path in MODULES))
    assert not sorted(ALLOWED.keys() - found)
