"""Data sets of unknown origin: judged by a process that can be stopped, refused when they lie elsewhere."""

import os
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from thermospice.files import UnreadableFile
from thermospice.files import netcdf as netcdf
from thermospice.files.netcdf import read_netcdf, readable_together


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Another data set, which no file of a user may show."""
    path = tmp_path / "secret.h5"
    with h5py.File(path, "w") as file:
        file["v"] = np.arange(4, dtype=np.uint8)
    return path


def test_a_data_set_comes_back(tmp_path):
    data = xr.Dataset({"v": ("t", [0.5, 1.5])}, {"t": [0, 1]}, {"name": "é"})
    data.to_netcdf(tmp_path / "m.nc", engine="h5netcdf")
    xr.testing.assert_identical(read_netcdf(tmp_path / "m.nc"), data)


def test_a_packed_data_set_comes_back(tmp_path):
    data = xr.Dataset({"v": ("t", np.zeros(100_000))})
    data.to_netcdf(tmp_path / "m.nc", engine="h5netcdf", encoding={"v": {"zlib": True, "shuffle": True}})
    xr.testing.assert_identical(read_netcdf(tmp_path / "m.nc"), data)


@pytest.fixture
def processes(monkeypatch):
    """The commands of all processes that judge files."""
    started, run = [], netcdf.subprocess.run

    def counted(command, **options):
        started.append(command)
        return run(command, **options)

    monkeypatch.setattr(netcdf.subprocess, "run", counted)
    return started


def files(folder, count):
    paths = [folder / f"{k}.nc" for k in range(count)]
    for k, path in enumerate(paths):
        xr.Dataset({"v": ("t", np.full(3, float(k)))}).to_netcdf(path, engine="h5netcdf")
    return paths


def test_many_files_are_judged_by_one_process(tmp_path, processes):
    paths = files(tmp_path, 3)
    judged = readable_together(paths)
    assert judged == set(paths)
    for k, path in enumerate(paths):
        assert read_netcdf(path, path in judged)["v"].values[0] == k
    assert len(processes) == 1
    assert readable_together([]) == readable_together(paths[:1]) == frozenset()


@pytest.mark.parametrize(
    ("content", "reason"), [(b"\x89HDF\r\n\x1a\n" + bytes(600), "not a netCDF file"), (None, "no such file")]
)
def test_one_bad_file_among_many_is_found_and_those_behind_it_are_not_believed(tmp_path, content, reason):
    """Catches a file that is read without having been judged, because the process ended before it."""
    paths = files(tmp_path, 4)
    paths[2].unlink() if content is None else paths[2].write_bytes(content)
    assert readable_together(paths) == set(paths[:2])
    with pytest.raises(UnreadableFile, match=reason):
        read_netcdf(paths[2])


@pytest.mark.slow
def test_a_file_that_hdf5_never_returns_from_ends_the_process_for_many(tmp_path, monkeypatch):
    paths = [*files(tmp_path, 2), Path(__file__).parent.parent / "measurements" / "damaged.nc"]
    monkeypatch.setattr(netcdf, "TIME_LIMIT", 4.0)
    started = time.perf_counter()
    assert readable_together(paths) == set(paths[:2])
    assert time.perf_counter() - started < 10
    with pytest.raises(UnreadableFile, match=r"damaged\.nc"):
        read_netcdf(paths[2])


def external(file, secret):
    file.create_dataset("v", (4,), "u1", external=[(str(secret), 0, 4)])


def virtual(file, secret):
    layout = h5py.VirtualLayout((4,), "u1")
    layout[:] = h5py.VirtualSource(str(secret), "v", (4,))
    file.create_virtual_dataset("v", layout)


def outer_link(file, secret):
    file["v"] = h5py.ExternalLink(str(secret), "/v")


def hidden_link(file, secret):
    file.create_group("a/b")["c"] = h5py.ExternalLink(str(secret), "/v")


def soft_link(file, secret):
    file["v"] = h5py.SoftLink("/nowhere")


ELSEWHERE = (external, virtual, outer_link, hidden_link, soft_link)


@pytest.mark.parametrize("fill", ELSEWHERE, ids=lambda fill: fill.__name__)
def test_a_file_that_keeps_its_data_elsewhere_is_refused(fill, tmp_path, secret):
    # Catches a file that makes the command read another one of this machine.
    with h5py.File(tmp_path / "m.nc", "w") as file:
        fill(file, secret)
    with pytest.raises(UnreadableFile, match="expected all data in the file itself"):
        read_netcdf(tmp_path / "m.nc")


def test_a_file_that_unpacks_to_more_than_there_is_memory_for_is_refused_unread(tmp_path):
    # Eight terabytes that are not there at all: what a chunk was never written for reads as zero.
    with h5py.File(tmp_path / "m.nc", "w") as file:
        file.create_dataset("v", (1 << 40,), "f8", chunks=(1 << 20,), compression="gzip")
    with pytest.raises(UnreadableFile, match=r"at most 2,147,483,648 bytes when unpacked"):
        read_netcdf(tmp_path / "m.nc")


def test_the_bound_is_of_all_variables_together(tmp_path, monkeypatch):
    xr.Dataset({name: ("t", np.zeros(60)) for name in "abc"}).to_netcdf(tmp_path / "m.nc", engine="h5netcdf")
    # The dimension is a data set as well, of a number each.
    monkeypatch.setattr(netcdf, "MOST_UNPACKED", 4 * 8 * 60)
    assert len(read_netcdf(tmp_path / "m.nc")) == 3
    monkeypatch.setattr(netcdf, "MOST_UNPACKED", 3 * 8 * 60 - 1)
    with pytest.raises(UnreadableFile, match="when unpacked"):
        read_netcdf(tmp_path / "m.nc")


def test_a_filter_that_would_be_loaded_from_elsewhere_is_refused(tmp_path):
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_chunk((4,))
    plan.set_filter(305, h5py.h5z.FLAG_OPTIONAL, ())
    with h5py.File(tmp_path / "m.nc", "w") as file:
        space = h5py.h5s.create_simple((4,))
        h5py.h5d.create(file.id, b"v", h5py.h5t.NATIVE_UINT8, space, plan)
    with pytest.raises(UnreadableFile, match="packed by a filter"):
        read_netcdf(tmp_path / "m.nc")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "m.nc")
    started = time.perf_counter()
    with pytest.raises(UnreadableFile, match="a pipe"):
        read_netcdf(tmp_path / "m.nc")
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize("content", [b"", b"CDF\x01rubbish", b"\x89HDF\r\n\x1a\n" + bytes(600)])
def test_what_is_no_netcdf_is_refused(content, tmp_path):
    (tmp_path / "m.nc").write_bytes(content)
    with pytest.raises(UnreadableFile, match="not a netCDF file"):
        read_netcdf(tmp_path / "m.nc")
