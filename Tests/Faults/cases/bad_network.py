"""Loss, delay, reordering, doubling, damage and a slow line between coordinator and workers."""

import time

from cluster import Cluster
from network import Network
from processes import Failure

PROFILES = [
    {"loss": 1}, {"loss": 5}, {"loss": 10}, {"delay": 5, "jitter": 2}, {"delay": 50, "jitter": 20}, {"delay": 200, "jitter": 50},
    {"delay": 10, "reorder": 20}, {"duplicate": 10}, {"corrupt": 1}, {"corrupt": 5}, {"rate": 1e6}, {"rate": 1e6, "loss": 1},
    {"loss": 3, "delay": 20, "jitter": 10, "reorder": 5, "duplicate": 2, "corrupt": 1},
    {"loss": 10, "delay": 100, "jitter": 50, "reorder": 10, "duplicate": 5, "corrupt": 2},
]
CLEAN = {"loss": 0, "delay": 0, "jitter": 0, "reorder": 0, "duplicate": 0, "corrupt": 0, "rate": 0}


def run(world) -> str:
    profiles = [PROFILES[-2]] if world.short else PROFILES
    slowest: tuple[float, dict] = (0.0, {})
    deliveries = ["shared", "stream"]
    with Network(2, world.seed) as network, Cluster(world, address=network.address) as cluster:
        cluster.start_coordinator()
        for index in range(2):
            cluster.start_worker(before=network.inside(index))
        cluster.until(lambda: cluster.metric("tare_workers") == 2, 60, "two workers")
        for number, profile in enumerate(profiles):
            for index in range(2):
                network.set(index, **{**CLEAN, **profile})
            begun = time.monotonic()
            job = cluster.submit("--data-delivery", deliveries[number % 2], *world.options)
            cluster.wait_for(job, timeout=300)
            slowest = max(slowest, (time.monotonic() - begun, profile), key=lambda pair: pair[0])
            cluster.expect(job, world.reference, f"a network with {profile}")
        conflicts = cluster.metric("tare_shard_commits_total", result="conflict")
    if conflicts:
        raise Failure(f"{conflicts:.0f} results differed")
    worst = ", ".join(f"{name} {value:g}" for name, value in slowest[1].items())
    return (f"{len(profiles)} profiles of loss (1-10 %), delay (5-200 ms), reordering, doubling, damage, 1 Mbit/s over tcp with CURVE: "
            f"identical; the slowest took {slowest[0]:.0f} s ({worst})")
