"""World sizes: any number of workers, in any order of joining, gives the bytes of one process."""

import random

from cluster import Cluster, Failure


def run(world) -> str:
    sizes = [1, 2, 3, 5, 8] if world.short else list(range(1, 17))
    runs = 0
    for size in sizes:
        with Cluster(world.tare, world.images, world.model) as cluster:
            cluster.start_coordinator()
            generator = random.Random(size)
            early = generator.randint(0, size)
            for _ in range(early):
                cluster.start_worker()
            job = cluster.submit(*world.options)
            for _ in range(size - early):
                cluster.start_worker()
            cluster.wait_for(job)
            if cluster.digests(job) != world.reference:
                raise Failure(f"{size} workers gave other digests")
            runs += 1
    return f"{runs} world sizes ({sizes[0]} to {sizes[-1]}), identical"
