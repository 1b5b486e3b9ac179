"""SIGKILL of workers: each costs at most one shard computed again."""

import random
import time

from cluster import Cluster
from processes import Failure


def run(world) -> str:
    wanted = 12 if world.short else 300
    kills = jobs = given_back = again = bisections = speculated = 0
    generator = random.Random(world.seed)
    with Cluster(world, world.long_images, ["--lease", "3"]) as cluster:
        cluster.start_coordinator()
        for _ in range(3):
            cluster.start_worker()
        while kills < wanted:
            job = cluster.submit(*world.long_options)
            cluster.wait_for_shards(job)
            until_here = min(wanted, kills + 25)  # Then the job may end, so that many results are compared.
            while kills < until_here and not cluster.job(job).get("ended"):
                busy = {worker["process"] for worker in cluster.pages("/api/v1/workers") if worker["state"] == "busy"}
                victim = generator.choice([one for one in cluster.workers if one.pid in busy] or cluster.workers)
                victim.kill()
                cluster.workers.remove(victim)
                kills += 1
                cluster.start_worker()
                time.sleep(generator.uniform(0, 0.4))
            cluster.wait_for(job)
            cluster.expect(job, world.long_reference, f"job {job} after {kills} kills")
            jobs += 1
            # Attempts of a shard are numbered, and the number of the one that was counted is kept.
            table = cluster.shards(job)
            shards = len(table)
            again += sum(shard["attempts"] - 1 for shard in table)
            given_back = cluster.occurrences("goes to another worker")
            speculated = cluster.occurrences("gets a second worker")
            bisections = cluster.occurrences("its parts are tried alone")
    if not world.short and given_back + speculated < 10:
        raise Failure(f"only {given_back} of {kills} kills hit a worker with a shard")
    if given_back > kills:
        raise Failure(f"{kills} kills made {given_back} shards go to another worker")
    # Trials of parts, when one shard was hit three times, are attempts too: at most two for each halving.
    if again > given_back + speculated + bisections * 12:
        raise Failure(f"{again} attempts too many, but only {given_back} shards went to another worker")
    return (f"{kills} kills during {jobs} jobs of {shards} shards: {given_back} hit a shard in hand; {again} attempts again "
            f"({speculated} begun for speed, {bisections} searches for a bad sample), identical")

