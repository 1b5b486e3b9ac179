"""A damaged state directory is refused by name, never read wrongly."""

import pathlib
import random

from cluster import Cluster, Failure


def run(world) -> str:
    flips = 6 if world.short else 40
    refused = harmless = 0
    generator = random.Random(11)
    with Cluster(world.tare, world.images, world.model) as cluster:
        cluster.start_coordinator()
        cluster.start_worker()
        cluster.wait_for(cluster.submit(*world.options))
        cluster.coordinator.kill()
        database = next(path for path in pathlib.Path(cluster.folder, "state").iterdir() if path.suffix in (".sqlite", ".db"))
        whole = database.read_bytes()
        for _ in range(flips):
            damaged = bytearray(whole)
            damaged[generator.randrange(len(damaged))] ^= 1 << generator.randrange(8)
            database.write_bytes(damaged)
            cluster.start_coordinator()
            if not cluster.coordinator.is_running:
                if str(database.name) not in cluster.coordinator.text():
                    raise Failure("a damaged database was refused without its name: " + cluster.coordinator.text()[-300:])
                refused += 1
            else:
                if cluster.digests(1) != world.reference:
                    raise Failure("a damaged database gave other digests")
                harmless += 1
                cluster.coordinator.kill()
            database.write_bytes(whole)
    return f"{flips} flipped bits: {refused} refused by name, {harmless} without effect, none misread"
