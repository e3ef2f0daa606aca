"""Coverage-guided fuzzing of the readers: `make fuzz` (SECONDS=60 for each reader; READERS="csv raw" for some).

One process for each reader, since the fuzzer ends its process. A failure leaves the input in the current folder.
"""

import subprocess
import sys

import atheris

with atheris.instrument_imports(include=["thermospice"]):
    from targets import Target, targets


def main() -> int:
    seconds, *names = sys.argv[1:]
    known = targets()
    failed = []
    for name in names or known:
        print(f"== {name}, {seconds} s", flush=True)
        code = subprocess.run([sys.executable, __file__, "one", name, seconds]).returncode
        failed += [name] if code else []
    print(f"failed: {', '.join(failed)}" if failed else "every reader held")
    return 1 if failed else 0


def one(target: Target, seconds: str) -> None:
    """Bytes as they come, after the good file or in place of it, or choices of what to replace in good data."""

    def attempt(data: bytes) -> None:
        provider = atheris.FuzzedDataProvider(data)
        kind = provider.ConsumeIntInRange(0, 2)
        if kind == 0 and target.dump is not None:
            target.try_plain(lambda below: provider.ConsumeIntInRange(0, below - 1))
        elif kind == 1:
            found = bytearray(target.seed)
            for _ in range(provider.ConsumeIntInRange(1, 8)):
                found[provider.ConsumeIntInRange(0, len(found) - 1)] = provider.ConsumeIntInRange(0, 255)
            target.try_bytes(bytes(found))
        else:
            target.try_bytes(provider.ConsumeBytes(len(data)))

    limits = ["-timeout=20", "-rss_limit_mb=2048", f"-max_total_time={seconds}", "-verbosity=0", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *limits], attempt)
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1] == "one":
        one(targets()[sys.argv[2]], sys.argv[3])
    sys.exit(main())
