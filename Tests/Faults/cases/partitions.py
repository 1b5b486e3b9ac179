"""Workers that are cut off: both ways, one way, on and off, for less and for more than a lease."""

import random
import time

from cluster import Cluster
from network import Network

WAYS = {"both ways": {"up": 0, "down": 0}, "to the coordinator": {"up": 0}, "from the coordinator": {"down": 0}}
HEALED = {"up": 1, "down": 1}


def run(world) -> str:
    wanted = 3 if world.short else 60
    generator = random.Random(world.seed)
    made = {name: 0 for name in [*WAYS, "on and off"]}
    jobs = longest = 0
    with Network(3, world.seed) as network, Cluster(world, world.long_images, ["--lease", "3"], network.address) as cluster:
        cluster.start_coordinator()
        for index in range(3):
            cluster.start_worker(before=network.inside(index))
        cluster.until(lambda: cluster.metric("tare_workers") == 3, 60, "three workers")
        while sum(made.values()) < wanted:
            job = cluster.submit(*world.long_options)
            jobs += 1
            cluster.wait_for_shards(job)
            while sum(made.values()) < wanted and not cluster.job(job).get("ended"):
                victim, way = generator.randrange(3), generator.choice(list(made))
                seconds = generator.choice([0.3, 1, 5])
                for _ in range(4 if way == "on and off" else 1):
                    network.set(victim, **WAYS.get(way, WAYS["both ways"]))
                    time.sleep(seconds / (4 if way == "on and off" else 1))
                    network.set(victim, **HEALED)
                    if way == "on and off":
                        time.sleep(0.2)
                made[way] += 1
            begun = time.monotonic()
            cluster.wait_for(job, timeout=120)
            longest = max(longest, time.monotonic() - begun)
            cluster.expect(job, world.long_reference, f"a job with cuts (job {jobs})")
        lost = cluster.occurrences("nothing was heard")
        cluster.until(lambda: cluster.metric("tare_workers") == 3, 60, "all workers to come back")
    ways = ", ".join(f"{count} {name}" for name, count in made.items() if count)
    return (f"{sum(made.values())} cuts of 0.3 to 5 s ({ways}) over tcp with CURVE, {lost} longer than the lease; all workers came "
            f"back, jobs ended at most {longest:.1f} s after the last cut; {jobs} jobs identical")
