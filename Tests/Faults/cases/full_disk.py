"""A full disk holds commits back and loses nothing; work goes on when there is room."""

import os
import pathlib
import subprocess
import time

from cluster import Cluster, Failure


def run(world) -> str | None:
    if os.geteuid() != 0:
        return None
    with Cluster(world.tare, world.images, world.model, ["--low-water", "1"]) as cluster:
        state = pathlib.Path(cluster.folder, "state")
        state.mkdir(mode=0o700)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=0700", "tmpfs", state]).returncode != 0:
            return None
        try:
            cluster.start_coordinator()
            job = cluster.submit(*world.options)
            ballast = state / "ballast"
            with ballast.open("wb") as file:
                try:
                    while True:
                        file.write(bytes(65536))
                        file.flush()
                except OSError:
                    pass
            cluster.start_worker()
            time.sleep(4)
            if not cluster.coordinator.is_running:
                raise Failure("the coordinator ended: " + cluster.coordinator.text()[-300:])
            held = cluster.job(job)["shardsDone"]
            ballast.unlink()
            cluster.wait_for(job)
            if cluster.digests(job) != world.reference:
                raise Failure("other digests after a full disk")
        finally:
            if cluster.coordinator:
                cluster.coordinator.kill()
            subprocess.run(["umount", state], check=True)
    return f"tmpfs of 24 MB filled up: {held} shards counted while it was full, identical afterwards"
