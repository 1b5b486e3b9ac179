"""Kills, stops, starves and damages a real cluster, and checks that the result is always that of one process.

    python3 Tests/Faults/run.py --tare .build-release/release/tare [--short] [CASE ...]

Each case prints its figure; a case that this machine cannot run says SKIPPED and why.
"""

import argparse
import importlib
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import cluster  # noqa: E402

CASES = ["worlds", "worker_kills", "coordinator_kills", "stops", "full_disk", "damage"]


class World:
    def __init__(self, tare: str, short: bool, folder: pathlib.Path):
        self.tare, self.short = str(pathlib.Path(tare).resolve()), short
        self.model = pathlib.Path(__file__).parents[2] / "Examples" / "digits" / "digits.onnx"
        self.images, self.long_images = folder / "images.npy", folder / "many.npy"
        cluster.write_images(self.images, 128)
        cluster.write_images(self.long_images, 1024 if short else 4096)
        self.options = ["--batch-size", "4", "--shard-batches", "2", "--observer", "ema"]
        self.reference = cluster.reference(self.tare, self.model, self.images, self.options, folder)
        self.long_reference = cluster.reference(self.tare, self.model, self.long_images, self.options, folder)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tare", required=True)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("cases", nargs="*", default=CASES)
    arguments = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="tare-faults-") as folder:
        world = World(arguments.tare, arguments.short, pathlib.Path(folder))
        for name in arguments.cases:
            case = importlib.import_module(f"cases.{name}")
            begun = time.monotonic()
            try:
                figure = case.run(world)
                verdict = "ok" if figure else "SKIPPED"
                figure = figure or (case.__doc__ or "").split(":")[0] + " needs root or a tool that is not here"
            except Exception as error:  # every case is a verdict of its own
                verdict, figure = "FAILED", f"{type(error).__name__}: {error}"
                failed += 1
            print(f"{verdict:8}{name:20}{time.monotonic() - begun:7.1f} s  {figure}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
