"""Read a netCDF file to its end: the program of a process of its own, since HDF5 never returns from some damaged files.

python _read_netcdf.py FILE
"""

import sys


def main(path: str) -> None:
    """Touch everything that a reader of measurements would."""
    import h5netcdf

    with h5netcdf.File(path, "r") as file:
        dict(file.attrs)
        for variable in file.variables.values():
            dict(variable.attrs)
            variable[...]


if __name__ == "__main__":
    main(sys.argv[1])
