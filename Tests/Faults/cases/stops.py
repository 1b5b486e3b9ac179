"""SIGSTOP of workers for longer than a lease: the shard goes to another worker, the late result is counted once."""

import signal
import time

from cluster import Cluster, Failure


def run(world) -> str:
    rounds = 2 if world.short else 10
    with Cluster(world.tare, world.long_images, world.model, ["--lease", "3"]) as cluster:
        cluster.start_coordinator()
        for _ in range(3):
            cluster.start_worker()
        stops = 0
        for _ in range(rounds):
            job = cluster.submit(*world.options)
            cluster.until(lambda: cluster.job(job)["shardsDone"] > 0, 120, "the first shard")
            victim = cluster.workers[stops % 3]
            victim.signal(signal.SIGSTOP)
            stops += 1
            time.sleep(5)
            victim.signal(signal.SIGCONT)
            cluster.wait_for(job)
            if cluster.digests(job) != world.long_reference:
                raise Failure(f"stop {stops}: other digests")
    return f"{stops} stops of 5 s with a lease of 3 s, identical"
