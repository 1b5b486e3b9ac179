"""Builds the fuzz targets, runs them one after the other, and prints what they did.

    python3 Fuzzing/run.py [--seconds 600] [--jobs 1] [--python .venv/bin/python] [--binary FUZZ] [TARGET ...]

Everything that it makes lies in `.build-fuzz`; the corpora stay there, so that the next run starts where this one ended.
The exit status is 1 when a target found something; `Fuzzing/README.md` says what to do then.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
SCRATCH = REPOSITORY / ".build-fuzz"
TARGETS = ["onnx", "npz", "safetensors", "unpickler", "images", "idx", "tar"]
# A finding ends libFuzzer; it is started again until the time is over, but not for ever.
MAXIMUM_FINDINGS = 100


def build() -> pathlib.Path:
    """Builds in release configuration with address sanitizer and coverage in every library; returns the program."""
    clang = pathlib.Path(shutil.which("swiftc")).resolve().parent / "clang"
    resources = subprocess.run([clang, "-print-resource-dir"], check=True, capture_output=True, text=True).stdout.strip()
    driver = next(pathlib.Path(resources, "lib").rglob("libclang_rt.fuzzer_no_main*.a"))
    # Only the compilation is told of the fuzzer: linking with it would add a second `main`.
    command = ["swift", "build", "-c", "release", "--scratch-path", str(SCRATCH), "--product", "fuzz"]
    command += ["--sanitize", "address", "-Xswiftc", "-Xfrontend", "-Xswiftc", "-sanitize=address,fuzzer"]
    command += ["-Xcc", "-fsanitize=fuzzer-no-link", "-Xcxx", "-fsanitize=fuzzer-no-link"]
    command += ["-Xlinker", str(driver), "-Xlinker", "-lstdc++"]
    environment = dict(os.environ, TARE_FUZZING="1")
    subprocess.run(command, cwd=REPOSITORY, env=environment, check=True)
    return SCRATCH / "release" / "fuzz"


class Run:
    """One target for so many seconds."""

    def __init__(self, target: str, binary: pathlib.Path, folder: pathlib.Path, seeds: pathlib.Path, seconds: int):
        self.target, self.binary, self.seconds = target, binary, seconds
        self.corpus, self.findings = folder / "corpus" / target, folder / "findings" / target
        self.log, self.seeds = folder / "logs" / f"{target}.log", seeds
        self.executions, self.edges, self.spent = 0, 0, 0.0
        # On one core nothing waits for a thread of another one, and several targets do not get into each other's way.
        cores = sorted(os.sched_getaffinity(0))
        self.core = cores[TARGETS.index(target) % len(cores)]
        self.found: list[str] = []

    def options(self, seconds: int) -> list[str]:
        options = ["-timeout=10", "-rss_limit_mb=1024", "-max_len=16384", "-print_final_stats=1"]
        options += [f"-max_total_time={seconds}", f"-artifact_prefix={self.findings}/"]
        for dictionary in [
            REPOSITORY / "Fuzzing" / "dictionaries" / f"{self.target}.dict",
            self.seeds / "dictionaries" / f"{self.target}.dict",
        ]:
            if dictionary.exists():
                options.append(f"-dict={dictionary}")
        return options + [str(self.corpus), str(self.seeds / self.target)]

    def run(self) -> "Run":
        for folder in [self.corpus, self.findings, self.log.parent]:
            folder.mkdir(parents=True, exist_ok=True)
        before = set(self.findings.iterdir())
        with tempfile.TemporaryDirectory(prefix="tare-fuzz-", dir=memory()) as scratch, open(self.log, "w") as log:
            environment = dict(
                os.environ, FUZZ_TARGET=self.target, TMPDIR=scratch, SWIFT_BACKTRACE="enable=no",
                ASAN_OPTIONS="detect_leaks=0:allocator_may_return_null=1")
            start = time.monotonic()
            while (rest := self.seconds - self.spent) >= 1 and len(self.found) < MAXIMUM_FINDINGS:
                result = subprocess.run(
                    ["taskset", "-c", str(self.core), self.binary, *self.options(int(rest))], env=environment, stdout=log,
                    stderr=subprocess.STDOUT)
                self.spent = time.monotonic() - start
                self.found = sorted(path.name for path in set(self.findings.iterdir()) - before)
                if result.returncode == 0:
                    break
        self.read_log()
        return self

    def read_log(self) -> None:
        text = self.log.read_text(errors="replace")
        self.executions = sum(int(count) for count in re.findall(r"stat::number_of_executed_units: (\d+)", text))
        self.edges = max((int(count) for count in re.findall(r"cov: (\d+)", text)), default=0)

    def row(self) -> str:
        kinds = ", ".join(sorted({name.split("-")[0] for name in self.found}))
        speed = self.executions / max(self.spent, 1)
        return (
            f"| {self.target} | {self.spent:.0f} | {self.executions:,} | {speed:,.0f} | {self.edges:,} "
            f"| {len(self.found)}{f' ({kinds})' if kinds else ''} |")


def memory() -> str | None:
    """A folder that no disk stands behind, where there is one: each execution writes a file."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=600, help="for each target")
    parser.add_argument("--jobs", type=int, default=1, help="how many targets run at a time")
    parser.add_argument("--python", default=str(REPOSITORY / ".venv" / "bin" / "python"), help="makes the seeds")
    parser.add_argument("--binary", type=pathlib.Path, help="instead of building one")
    parser.add_argument("--folder", type=pathlib.Path, default=SCRATCH / "fuzzing", help="corpora, findings, logs")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all when none is given")
    arguments = parser.parse_args()
    for target in arguments.targets:
        if target not in TARGETS:
            parser.error(f"there is no target '{target}'; there are {', '.join(TARGETS)}")
    binary = arguments.binary or build()
    seeds = arguments.folder / "seeds"
    subprocess.run([arguments.python, REPOSITORY / "Fuzzing" / "seeds.py", seeds], check=True, stdout=subprocess.DEVNULL)
    runs = [
        Run(target, binary, arguments.folder, seeds, arguments.seconds) for target in arguments.targets or TARGETS
    ]
    print("| target | seconds | executions | executions/s | edges covered | findings |")
    print("|---|---|---|---|---|---|", flush=True)
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for run in pool.map(Run.run, runs):
            print(run.row(), flush=True)
    for run in runs:
        for name in run.found:
            print(f"{run.target}: {run.findings / name}; log: {run.log}")
    return 1 if any(run.found for run in runs) else 0


if __name__ == "__main__":
    sys.exit(main())
