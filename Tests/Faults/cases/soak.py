"""Somebody joins and somebody leaves every second, by any way of leaving: descriptors and memory of the coordinator stay."""

import pathlib
import random
import signal
import time

from cluster import Cluster, sleep_until
from processes import Failure


def processes_naming(text: str) -> list[int]:
    """Processes whose command line contains this."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if text.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def run(world) -> str:
    seconds = 8 if world.short else world.soak
    generator = random.Random(world.seed)
    ways = {"killed": signal.SIGKILL, "asked": signal.SIGTERM, "stopped": signal.SIGSTOP}
    left = {name: 0 for name in ways}
    samples: list[tuple[int, int]] = []
    jobs = 0
    with Cluster(world, world.long_images, ["--lease", "3"]) as cluster:
        folder = str(cluster.folder)
        cluster.start_coordinator()
        for _ in range(3):
            cluster.start_worker()
        job = cluster.submit(*world.long_options)
        begun = time.monotonic()
        gone = []
        while (elapsed := time.monotonic() - begun) < seconds:
            if cluster.job(job).get("ended"):
                cluster.wait_for(job)
                cluster.expect(job, world.long_reference, f"job {jobs + 1} of the soak")
                jobs += 1
                job = cluster.submit(*world.long_options)
            way = generator.choice(list(ways))
            leaver = cluster.workers.pop(0)
            leaver.signal(ways[way])
            left[way] += 1
            gone.append(leaver)
            cluster.start_worker()
            samples.append((cluster.coordinator.open_files(), cluster.coordinator.resident_bytes()))
            sleep_until(begun + elapsed + 1)
        for leaver in gone:
            leaver.kill()
        cluster.wait_for(job)
        cluster.expect(job, world.long_reference, "the last job of the soak")
        cluster.until(lambda: cluster.metric("tare_workers") == 3, 60, "only those that are there")
        time.sleep(8)  # Connections of the dead end by their heartbeats.
        end = cluster.coordinator.open_files(), cluster.coordinator.resident_bytes()
        for worker in cluster.workers:
            worker.signal(signal.SIGTERM)
        statuses = {worker.wait() for worker in cluster.workers}
        cluster.coordinator.signal(signal.SIGTERM)
        cluster.coordinator.wait()
        orphans = processes_naming(folder)
    third = samples[len(samples) // 3]
    growth = (end[1] - third[1]) / 2**20
    if orphans:
        raise Failure(f"processes {orphans} are left")
    if statuses != {75}:
        raise Failure(f"drained workers ended with {sorted(statuses)} and not with 75")
    if end[0] > third[0] + 8:
        raise Failure(f"descriptors grew from {third[0]} to {end[0]}")
    if growth > 16 + seconds / 60:
        raise Failure(f"memory grew by {growth:.0f} MiB after the first third")
    ways_text = ", ".join(f"{count} {name}" for name, count in left.items())
    return (f"{seconds:.0f} s, {sum(left.values())} left ({ways_text}) and joined: descriptors {third[0]} -> {end[0]}, memory "
            f"{growth:+.1f} MiB after the first third, no orphans; {jobs + 1} jobs identical")
