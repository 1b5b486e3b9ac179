"""A damaged state directory is refused by name, never read wrongly; a torn log costs nothing that was acknowledged."""

import pathlib
import random
import shutil
import signal

from cluster import Cluster
from processes import Failure


def outcome(cluster: Cluster, job: int, reference: tuple[str, str], names: list[str]) -> str:
    """Starts a coordinator in a damaged directory: it says what is damaged, or goes on to the same result."""
    cluster.start_coordinator()
    try:
        if not cluster.coordinator.is_running:
            text = cluster.coordinator.text()
            if cluster.coordinator.wait() < 0 or not any(name in text for name in names):
                raise Failure("a damaged directory was refused without the name of what is damaged: " + text[-300:])
            return "refused"
        found = cluster.job(job)
        if not found:
            raise Failure("a damaged directory lost a job without a word")
        if found["state"] == "failed":
            if not any(name in str(found["failure"]) for name in names):
                raise Failure(f"a job failed without the name of what is damaged: {found['failure']}")
            return "refused"
        cluster.wait_for(job)
        cluster.expect(job, reference, "a damaged directory")
        if "state.sqlite" not in names:
            fetched = cluster.ask("result", job, "--output", cluster.folder / "model.onnx", check=False)
            if fetched.returncode != 0:
                return "refused"
        return "harmless"
    finally:
        if cluster.coordinator.is_running:
            cluster.coordinator.kill()


def flips(world, generator: random.Random, cluster: Cluster, job: int, path: pathlib.Path, count: int) -> dict[str, int]:
    """Flips one bit of a file of the state directory, each time in a fresh copy of the whole directory."""
    state, kept = cluster.folder / "state", cluster.folder / "kept"
    if not kept.exists():
        shutil.copytree(state, kept)
    counts = {"refused": 0, "harmless": 0}
    for _ in range(count):
        shutil.rmtree(state)
        shutil.copytree(kept, state)
        damaged = bytearray(path.read_bytes())
        damaged[generator.randrange(len(damaged))] ^= 1 << generator.randrange(8)
        path.write_bytes(damaged)
        counts[outcome(cluster, job, world.reference, [path.name])] += 1
    return counts


def torn_logs(world, generator: random.Random, count: int) -> tuple[int, int]:
    """Cuts the write-ahead log of a killed coordinator anywhere; the job goes on from what is left."""
    with Cluster(world) as cluster:
        cluster.start_coordinator()
        cluster.start_worker()
        job = cluster.submit(*world.options)
        cluster.wait_for_shards(job, 8)
        cluster.coordinator.kill()
        state, kept = cluster.folder / "state", cluster.folder / "kept"
        shutil.copytree(state, kept)
        size = (kept / "state.sqlite-wal").stat().st_size
        lost = 0
        for _ in range(count):
            shutil.rmtree(state)
            shutil.copytree(kept, state)
            with (state / "state.sqlite-wal").open("r+b") as log:
                log.truncate(generator.randrange(size))
            # A worker that lived through the lost history would take repeated attempts for old ones.
            cluster.workers.pop().kill()
            cluster.start_worker()
            cluster.start_coordinator()
            if not cluster.coordinator.is_running:
                raise Failure("a torn log was refused: " + cluster.coordinator.text()[-300:])
            if not cluster.job(job):
                lost += 1  # The cut was before the submission's record.
                job = cluster.submit(*world.options)
            cluster.wait_for(job)
            cluster.expect(job, world.reference, "a torn log")
            cluster.coordinator.kill()
            job = 1
    return count, lost


def run(world) -> str:
    count, cuts = (3, 2) if world.short else (40, 12)
    generator = random.Random(world.seed)
    with Cluster(world) as cluster:
        job = cluster.run(world)
        cluster.coordinator.signal(signal.SIGTERM)
        cluster.coordinator.wait()
        state = cluster.folder / "state"
        database = flips(world, generator, cluster, job, state / "state.sqlite", count)
        digest = world.reference[1]
        model = next(path for path in (state / "blobs").rglob("*") if path.is_file() and digest in "".join(path.parts[-2:]))
        blob = flips(world, generator, cluster, job, model, max(2, count // 8))
    if blob["harmless"]:
        raise Failure(f"a model with a flipped bit was handed out {blob['harmless']} times")
    torn, lost = torn_logs(world, generator, cuts)
    return (f"{count} flipped bits in the database: {database['refused']} refused by name, {database['harmless']} without "
            f"effect; {blob['refused']} in the model's blob: all refused; log cut at {torn} places: goes on ({lost} before "
            f"the submission), identical")
