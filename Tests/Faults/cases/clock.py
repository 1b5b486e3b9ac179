"""Wall clocks that jump by an hour, run fast, or differ from machine to machine: nobody is lost, nothing changes."""

import pathlib
import time

from cluster import Cluster
from processes import Failure, Skipped

# The coordinator's clock and the worker's, as libfaketime reads them from a file that the case rewrites while they run.
STEPS = ["+3600s", "-3600s", "+0s", "-7200s", "+86400s", "+0s x1.05", "+0s x0.95"]


def library() -> pathlib.Path:
    for path in pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"):
        return path
    raise Skipped("needs libfaketime (apt-get install faketime)")


def run(world) -> str:
    preload = library()
    steps = STEPS[:2] if world.short else STEPS
    with Cluster(world, world.long_images, ["--lease", "3"]) as cluster:
        clocks = [cluster.folder / "clock-coordinator", cluster.folder / "clock-worker"]
        for clock in clocks:
            clock.write_text("+0s\n")

        def environment(clock: pathlib.Path) -> dict:
            # The monotonic clock and the times of files are left alone: no machine steps those.
            return {"LD_PRELOAD": str(preload), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_CACHE_DURATION": "1",
                    "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_NO_CACHE": "1", "NO_FAKE_STAT": "1"}

        started = [cluster.start_coordinator(environment(clocks[0]))]
        if not cluster.coordinator.is_running:
            raise Skipped("libfaketime does not load here: " + cluster.coordinator.text()[-200:])
        started.append(cluster.start_worker(environment=environment(clocks[1])))
        cluster.start_worker()
        try:
            figure = step_through(world, cluster, clocks, steps)
        finally:
            for process in started:
                process.kill()
                for name in ("faketime_shm_{}", "sem.faketime_sem_{}"):  # What libfaketime leaves of a killed process.
                    pathlib.Path("/dev/shm", name.format(process.pid)).unlink(missing_ok=True)
    return figure


def step_through(world, cluster: Cluster, clocks: list[pathlib.Path], steps: list[str]) -> str:
    made = jobs = 0
    hours = set()
    while made < len(steps):
        job = cluster.submit(*world.long_options)
        jobs += 1
        cluster.wait_for_shards(job)
        while made < len(steps) and not cluster.job(job).get("ended"):
            clocks[0].write_text(steps[made] + "\n")
            clocks[1].write_text(steps[-1 - made] + "\n")
            made += 1
            time.sleep(4)
        cluster.wait_for(job)
        cluster.expect(job, world.long_reference, f"a job with clocks at {steps[made - 1]}")
        hours.add(cluster.job(job)["submitted"][:13])
    lost = cluster.occurrences("nothing was heard")
    if lost:
        raise Failure(f"{lost} workers were taken for lost when clocks jumped")
    if len(hours) < 2 and not world.short:
        raise Failure("the coordinator's clock did not jump, so nothing was tested")
    return f"{made} steps and rates of both clocks (1 h, 2 h, 24 h, 5 %) during {jobs} jobs: no worker lost, identical"
