"""A full disk holds commits back and loses nothing; work goes on when there is room. The same for a worker's cache."""

import contextlib
import json
import pathlib
import subprocess
import time

from cluster import Cluster
from processes import Failure, Skipped, need


@contextlib.contextmanager
def small_disk(folder: pathlib.Path, megabytes: int):
    folder.mkdir(mode=0o700)
    words = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", folder]
    if subprocess.run(words, capture_output=True).returncode != 0:
        raise Skipped("a tmpfs cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: pathlib.Path) -> pathlib.Path:
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (65536, 4096):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))
    return ballast


def full_state(world) -> str:
    with Cluster(world, options=["--low-water", "1"]) as cluster, small_disk(cluster.folder / "state", 24) as disk:
        cluster.start_coordinator()
        job = cluster.submit(*world.options)
        ballast = fill(disk)
        cluster.start_worker()
        time.sleep(4)
        if not cluster.coordinator.is_running:
            raise Failure("the coordinator ended: " + cluster.coordinator.text()[-300:])
        held = cluster.counted(job)
        if held == 16:
            raise Failure("16 shards were counted on a full disk")
        ready = cluster.fetch("/readyz")
        if json.loads(ready)["status"] != "unavailable":
            raise Failure("a coordinator on a full disk calls itself ready: " + ready)
        ballast.unlink()
        cluster.wait_for(job)
        cluster.expect(job, world.reference, "a disk that was full")
        cluster.coordinator.kill()
    return f"state directory: {held} of 16 shards counted while it was full, not ready meanwhile"


def full_cache(world) -> str:
    with Cluster(world) as cluster, small_disk(cluster.folder / "cache", 1) as disk:
        cluster.start_coordinator()
        ballast = fill(disk)
        cluster.start_worker()
        job = cluster.submit(*world.options)
        time.sleep(4)
        if cluster.job(job).get("ended"):
            ended = cluster.job(job)
            # Failing loudly, with the reason, is allowed: a worker without a disk is the only one here.
            if "space" not in str(ended.get("failure")):
                raise Failure(f"a full cache ended the job without saying so: {ended.get('failure')}")
            ballast.unlink()
            job = cluster.submit(*world.options)
            said = "the job failed and named it"
        else:
            ballast.unlink()
            said = "the worker waited"
        if not cluster.workers[0].is_running:
            cluster.start_worker()
        cluster.wait_for(job)
        cluster.expect(job, world.reference, "a cache that was full")
        for process in cluster.workers:
            process.kill()
    return f"worker cache: {said}"


def run(world) -> str:
    need("mount")
    return f"{full_state(world)}; {full_cache(world)}; identical afterwards"
