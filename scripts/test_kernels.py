"""Run tests under several BLAS kernels, with one thread and with two: python -m scripts.test_kernels [TEST ...].

OpenBLAS takes the kernel of the processor that it runs on, and each kernel rounds the last digits its own way. Here it
is made to take the kernels of other processors in turn. One line for each combination goes to standard output, the
names of failed tests to standard error; the exit code is 1 where a test failed. The tests are those of tests/analytics
unless others are named.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

#: Kernel to ask for, and the names under which OpenBLAS reports it: it has one kernel for Haswell and for Zen.
KERNELS = {
    "Haswell": {"Haswell"},
    "SkylakeX": {"SkylakeX"},
    "Zen": {"Zen", "Haswell"},
    "Sandybridge": {"Sandybridge"},
}
THREADS = (1, 2)
#: A product and a factorisation, then the kernels of all OpenBLAS libraries in the process (NumPy and SciPy have theirs).
PROBE = """
import numpy, scipy.linalg, threadpoolctl
square = numpy.eye(64) + 1.0
scipy.linalg.cholesky(square @ square)
libraries = threadpoolctl.threadpool_info()
print(*{library["architecture"] for library in libraries if library["internal_api"] == "openblas"})
"""


def run(kernel: str, threads: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the kernel and number of threads that BLAS is asked for."""
    count = str(threads)
    settings = {"OPENBLAS_CORETYPE": kernel, "OPENBLAS_NUM_THREADS": count, "OMP_NUM_THREADS": count}
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=False)  # noqa: S603 our own


def kernel_in_use(kernel: str) -> tuple[str, str]:
    """The kernel that OpenBLAS reports, and the reason why it is not the one asked for (empty when it is)."""
    probe = run(kernel, 1, "-c", PROBE)
    if probe.returncode < 0:
        return "none", f"the processor cannot run it ({signal.Signals(-probe.returncode).name})"
    if probe.returncode > 0:
        return "none", probe.stderr.strip().splitlines()[-1]
    reported = set(probe.stdout.split())
    if not reported:
        return "none", "NumPy and SciPy use another library than OpenBLAS here"
    name = "+".join(sorted(reported))
    return name, "" if reported <= KERNELS[kernel] else "OpenBLAS does not take it on this processor"


def main(tests: list[str]) -> int:
    """Print a line for each combination; 1 where a test failed."""
    has_failed = False
    for kernel in KERNELS:
        in_use, obstacle = kernel_in_use(kernel)
        for threads in THREADS:
            outcome, remark, seconds = "skipped", obstacle, 0.0
            if not obstacle:
                start = time.perf_counter()
                result = run(kernel, threads, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
                seconds = time.perf_counter() - start
                lines = result.stdout.strip().splitlines()
                outcome, remark = "failed" if result.returncode else "passed", lines[-1] if lines else result.stderr
                has_failed |= result.returncode != 0
                sys.stderr.writelines(f"{line}\n" for line in lines if line.startswith(("FAILED", "ERROR")))
            sys.stdout.write(f"{kernel:<11} {in_use:<11} threads={threads}  {outcome}  {seconds:5.0f} s  {remark}\n")
            sys.stdout.flush()
    return int(has_failed)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:] or ["tests/analytics"]))
