"""A damaged state directory is refused by name, never read wrongly; a torn log costs nothing but work.

Bits are flipped in the database of a job that is half done and in the model of one that is done; the write-ahead log of a
killed coordinator is cut anywhere.
"""

import pathlib
import random
import shutil
import signal
import time

from cluster import Cluster
from processes import Failure, parallel


def half_done(world, folder: pathlib.Path) -> pathlib.Path:
    """A state directory whose job is half done, with everything in the database."""
    with Cluster(world) as cluster:
        cluster.start_coordinator()
        cluster.start_worker()
        job = cluster.submit(*world.options)
        cluster.wait_for_shards(job, 8)
        cluster.workers[0].kill()
        cluster.coordinator.kill()
        shutil.copytree(cluster.folder / "state", folder / "killed")
        cluster.start_coordinator()  # Opening empties the log.
        cluster.coordinator.signal(signal.SIGTERM)
        cluster.coordinator.wait()
        if (log := cluster.folder / "state" / "state.sqlite-wal").exists() and log.stat().st_size > 0:
            cluster.start_coordinator()
            cluster.coordinator.signal(signal.SIGTERM)
            cluster.coordinator.wait()
        shutil.copytree(cluster.folder / "state", folder / "half")
    return folder


def done(world, folder: pathlib.Path) -> pathlib.Path:
    with Cluster(world) as cluster:
        cluster.run(world)
        cluster.coordinator.signal(signal.SIGTERM)
        cluster.coordinator.wait()
        shutil.copytree(cluster.folder / "state", folder / "done")
    return folder / "done"


def outcome(world, state: pathlib.Path, name: str, change, fetches: bool) -> str:
    """Starts a coordinator in a damaged copy: it says what is damaged, or goes on to the same result."""
    with Cluster(world) as cluster:
        shutil.copytree(state, cluster.folder / "state")
        path = cluster.folder / "state" / name
        path.write_bytes(change(path.read_bytes()))
        cluster.start_coordinator()
        found: dict = {}
        end = time.monotonic() + 3  # It may be about to end, or have no job.
        while not found and cluster.coordinator.is_running and time.monotonic() < end:
            found = cluster.job(1)
        if not found and cluster.coordinator.is_running:
            if "-wal" not in name:
                raise Failure("a damaged directory lost a job without a word")
            cluster.submit(*world.options)
        cluster.start_worker()
        cluster.until(lambda: not cluster.coordinator.is_running or cluster.job(1).get("ended"), 120, "the end of the job")
        if not cluster.coordinator.is_running or cluster.job(1)["state"] == "failed":
            status = None if cluster.coordinator.is_running else cluster.coordinator.wait()
            text = cluster.coordinator.text()
            if path.name not in text or status is not None and status <= 0:
                raise Failure(f"{name} with a changed byte ends a coordinator with status {status}: {text[-400:]}")
            return "refused"
        cluster.expect(1, world.reference, f"{name} with a flipped bit or a cut")
        if fetches and cluster.ask("result", 1, "--output", cluster.folder / "model.onnx", check=False).returncode != 0:
            return "refused"
        return "lost" if not found else "harmless"


def flip(position: float, bit: int):
    def change(whole: bytes) -> bytes:
        damaged = bytearray(whole)
        damaged[int(position * len(damaged))] ^= 1 << bit
        return bytes(damaged)
    return change


def cut(position: float):
    return lambda whole: whole[:int(position * len(whole))]


def run(world) -> str:
    flips, cuts, blobs = (2, 1, 1) if world.short else (60, 20, 6)
    generator = random.Random(world.seed)
    folder = world.folder / "damaged"
    folder.mkdir()
    half_done(world, folder)
    finished = done(world, folder)
    model = next(path for path in (finished / "blobs").rglob("*")
                 if path.is_file() and world.reference[1] in "".join(path.parts[-2:])).relative_to(finished)
    trials = [("database", folder / "half", "state.sqlite", flip(generator.random(), generator.randrange(8)))
              for _ in range(flips)]
    trials += [("log", folder / "killed", "state.sqlite-wal", cut(generator.random())) for _ in range(cuts)]
    trials += [("model", finished, str(model), flip(generator.random(), generator.randrange(8))) for _ in range(blobs)]
    outcomes = parallel(lambda trial: (trial[0], outcome(world, *trial[1:], trial[0] == "model")), trials, 3)
    count = {key: outcomes.count(key) for key in outcomes}
    if count.get(("model", "refused")) != blobs:
        raise Failure("a model with a flipped bit was handed out")
    if count.get(("log", "refused")):
        raise Failure("a coordinator did not start with a torn log")
    if not world.short and not count.get(("database", "refused")):
        raise Failure("no flipped bit in the database was noticed")
    return (f"{flips} flipped bits in a database in use: {count.get(('database', 'refused'), 0)} refused by name, "
            f"{count.get(('database', 'harmless'), 0)} in unused space; {blobs} in a model: all refused; log cut at {cuts} places: "
            f"all go on ({count.get(('log', 'lost'), 0)} from before the submission); identical")
