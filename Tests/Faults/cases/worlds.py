"""World sizes: any number of workers, in any order of joining, gives the bytes of one process."""

import random
import time

from cluster import Cluster


def run(world) -> str:
    sizes = [1, 3] if world.short else list(range(1, 17))
    for size in sizes:
        with Cluster(world) as cluster:
            cluster.start_coordinator()
            generator = random.Random(world.seed * 100 + size)
            early = generator.randint(0, size)
            for _ in range(early):
                cluster.start_worker()
            job = cluster.submit(*world.options)
            for _ in range(size - early):
                cluster.start_worker()
                time.sleep(generator.uniform(0, 0.2))
            cluster.wait_for(job)
            cluster.expect(job, world.reference, f"{size} workers")
    return f"{len(sizes)} world sizes ({sizes[0]} to {sizes[-1]}), joining in shuffled order, identical"
