"""SIGSTOP of workers for longer than a lease: the shard goes to another worker, the late result is counted once."""

import signal
import time

from cluster import Cluster
from processes import Failure, Process


def busy(cluster: Cluster, job: int) -> Process:
    """A worker that computes, or the first one when the job is over already."""
    while not cluster.job(job).get("ended"):
        for worker in cluster.pages("/api/v1/workers"):
            if worker["state"] == "busy":
                return next(process for process in cluster.workers if process.pid == worker["process"])
    return cluster.workers[0]


def run(world) -> str:
    stops_wanted = 2 if world.short else 20
    lease = 2
    stops = jobs = 0
    latest = 0.0
    with Cluster(world, world.long_images, ["--lease", str(lease)]) as cluster:
        cluster.start_coordinator()
        for _ in range(3):
            cluster.start_worker()
        while stops < stops_wanted:
            job = cluster.submit(*world.long_options)
            jobs += 1
            cluster.wait_for_shards(job)
            victim = busy(cluster, job)
            lost = cluster.occurrences("nothing was heard")
            victim.signal(signal.SIGSTOP)
            begun = time.monotonic()
            stops += 1
            cluster.until(lambda: cluster.occurrences("nothing was heard") > lost, lease + 10, "the silence to be noticed")
            latest = max(latest, time.monotonic() - begun)
            victim.signal(signal.SIGCONT)
            cluster.wait_for(job)
            cluster.expect(job, world.long_reference, f"stop {stops}")
            cluster.until(lambda: cluster.metric("tare_workers") == 3, 60, "the stopped worker to come back")
        returned, second = cluster.occurrences("goes to another worker"), cluster.occurrences("gets a second worker")
        again = cluster.metric("tare_shard_commits_total", result="duplicate")
    if latest > lease + 2:
        raise Failure(f"a stopped worker was noticed only after {latest:.1f} s with a lease of {lease} s")
    if not world.short and not returned + second:
        raise Failure("no stop hit a shard in hand")
    return (f"{stops} stops, noticed within {latest:.1f} s with a lease of {lease} s; {returned} shards in hand were given to others "
            f"and {second} overtaken by a second attempt, {again:.0f} results "
            f"came twice and were counted once; identical ({jobs} jobs)")
