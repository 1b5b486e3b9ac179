"""SIGKILL of the coordinator at every failpoint: nothing that was acknowledged is computed again."""

import time

from cluster import Cluster, Failure


def names(world) -> list[str]:
    """The failpoints of this build, from the message about one that there is not."""
    with Cluster(world.tare, world.images, world.model) as cluster:
        coordinator = cluster.start_coordinator({"TARE_FAILPOINT": "none:1"})
        coordinator.wait()
        return [name.strip(" .\n") for name in coordinator.text().rsplit("one of ", 1)[-1].split(",")]


def run(world) -> str:
    points = names(world)
    repetitions = 1 if world.short else 5
    deaths = 0
    slowest = 0.0
    for point in points:
        for count in range(1, repetitions + 1):
            with Cluster(world.tare, world.images, world.model) as cluster:
                coordinator = cluster.start_coordinator({"TARE_FAILPOINT": f"{point}:{count}"}, wait=False)
                for _ in range(2):
                    cluster.start_worker()
                job = None
                while coordinator.is_running and job is None:
                    done = cluster.ask("submit", world.model, "--data", world.images, "--json", *world.options, check=False)
                    job = 1 if done.returncode == 0 else None
                end = time.monotonic() + 20
                while coordinator.is_running and time.monotonic() < end and not cluster.try_job(1).get("ended"):
                    time.sleep(0.05)
                if coordinator.is_running:
                    coordinator.kill()
                else:
                    deaths += 1
                    coordinator.wait()
                begun = time.monotonic()
                cluster.start_coordinator()
                slowest = max(slowest, time.monotonic() - begun)
                if not cluster.try_job(1):
                    cluster.submit(*world.options)
                cluster.wait_for(1)
                if cluster.digests(1) != world.reference:
                    raise Failure(f"failpoint {point}:{count}: other digests")
    return f"{deaths} deaths at {len(points)} points, identical; listening again after at most {slowest:.1f} s"
