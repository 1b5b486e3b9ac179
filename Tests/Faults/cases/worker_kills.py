"""SIGKILL of workers: each costs at most one shard computed again."""

import random
import time

from cluster import Cluster, Failure


def run(world) -> str:
    wanted, per_run = (12, 6) if world.short else (300, 30)
    kills = lost = runs = 0
    generator = random.Random(7)
    while kills < wanted:
        with Cluster(world.tare, world.long_images, world.model) as cluster:
            cluster.start_coordinator()
            for _ in range(3):
                cluster.start_worker()
            job = cluster.submit(*world.options)
            cluster.until(lambda: cluster.job(job)["shardsDone"] > 0, 120, "the first shard")
            for _ in range(per_run):
                if cluster.job(job).get("ended"):
                    break
                victim = generator.choice(cluster.workers)
                cluster.workers.remove(victim)
                victim.kill()
                kills += 1
                cluster.start_worker()
                time.sleep(generator.uniform(0, 0.3))
            result = cluster.wait_for(job)
            if cluster.digests(job) != world.long_reference:
                raise Failure(f"run {runs}: other digests after {kills} kills")
            runs += 1
    return f"{kills} kills in {runs} runs, identical"
