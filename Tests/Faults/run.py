"""Kills, stops, starves, cuts off and damages a real cluster, and checks that the result is always that of one process.

    python3 Tests/Faults/run.py --tare .build-release/release/tare [--short] [--seed N] [--soak SECONDS] [CASE ...]

Each case prints its figure; a case that this machine cannot run says SKIPPED and why. State directories lie in /dev/shm
where there is room: a killed process loses nothing that was written there, and losing power is not tested here.
"""

import argparse
import faulthandler
import functools
import importlib
import pathlib
import shlex
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import data  # noqa: E402
from processes import Process, Skipped  # noqa: E402

CASES = ["worlds", "worker_kills", "coordinator_kills", "stops", "partitions", "bad_network", "malformed", "strangers",
         "hostile_worker", "poison", "data_faults", "full_disk", "damage", "clock", "straggler", "slow_download", "soak"]
SHORT_CASES = ["worlds", "worker_kills", "coordinator_kills", "stops", "malformed", "hostile_worker"]


class World:
    """What the cases share: the program, a model, two data sets, and their references."""

    options = ["--batch-size", "4", "--shard-batches", "2", "--observer", "ema"]
    long_options = ["--batch-size", "4", "--shard-batches", "8", "--observer", "ema"]

    def __init__(self, arguments: argparse.Namespace, folder: pathlib.Path):
        self.tare, self.short, self.folder = str(pathlib.Path(arguments.tare).resolve()), arguments.short, folder
        self.seed, self.soak = arguments.seed, arguments.soak
        self.model = folder / "models" / "digits.onnx"
        self.model.parent.mkdir()
        shutil.copy(pathlib.Path(__file__).parents[2] / "Examples" / "digits" / "digits.onnx", self.model)
        self.images = self.made("images.npy", 128)

    def made(self, name: str, count: int, seed: int = 1) -> pathlib.Path:
        path = self.folder / "data" / name
        path.parent.mkdir(exist_ok=True)
        data.write_images(path, count, seed)
        return path

    @functools.cached_property
    def long_images(self) -> pathlib.Path:
        return self.made("many.npy", 512 if self.short else 4096)

    @functools.cached_property
    def reference(self) -> tuple[str, str]:
        """Statistics and model of the short job: 128 samples in 16 shards."""
        return data.reference(self.tare, self.model, self.images, self.options, self.folder)

    @functools.cached_property
    def long_reference(self) -> tuple[str, str]:
        """Statistics and model of the long job: 4,096 samples (--short: 512) in shards of 32."""
        return data.reference(self.tare, self.model, self.long_images, self.long_options, self.folder)


def run(name: str, world: World) -> tuple[str, str]:
    """The verdict on a case and its figure."""
    try:
        return "ok", importlib.import_module(f"cases.{name}").run(world)
    except Skipped as reason:
        return "SKIPPED", str(reason)
    except Exception as error:  # every case is a verdict of its own
        words = ["python3", "Tests/Faults/run.py", "--tare", world.tare, "--seed", str(world.seed)]
        words += ["--short"] if world.short else []
        notes = " ".join(getattr(error, "__notes__", []))
        return "FAILED", f"{type(error).__name__}: {error} {notes} | again: {shlex.join(words + [name])}"
    finally:
        Process.end_all()


def main() -> int:
    faulthandler.register(signal.SIGUSR1)  # says on stderr where a case waits
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tare", required=True)
    parser.add_argument("--short", action="store_true", help="40 seconds instead of 17 minutes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--soak", type=float, default=60, help="seconds of joining and leaving")
    parser.add_argument("cases", nargs="*")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    shared = pathlib.Path("/dev/shm")
    has_room = shared.is_dir() and shutil.disk_usage(shared).free > 2 << 30
    counts = {"ok": 0, "SKIPPED": 0, "FAILED": 0}
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tare-faults-", dir=shared if has_room else None) as folder:
        try:
            world = World(arguments, pathlib.Path(folder))
            for name in arguments.cases or (SHORT_CASES if arguments.short else CASES):
                start = time.monotonic()
                verdict, figure = run(name, world)
                counts[verdict] += 1
                print(f"{verdict:8}{name:20}{time.monotonic() - start:7.1f} s  {figure}", flush=True)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
            return 130
        finally:
            Process.end_all()
    print(f"faults: {counts['ok']} ok, {counts['FAILED']} failed, {counts['SKIPPED']} skipped, "
          f"{time.monotonic() - begun:.0f} s", flush=True)
    return 1 if counts["FAILED"] else 0


if __name__ == "__main__":
    sys.exit(main())
