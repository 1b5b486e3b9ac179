"""Peers that fetch a large model at 64 KB/s, and one that asks and never reads: the coordinator's memory stays small."""

import threading
import time

import data
import models
import wire
import zeromq
from cluster import Cluster
from processes import Failure

CHUNK = 131_072
OPTIONS = ["--batch-size", "4", "--shard-batches", "1", "--observer", "minmax", "--samples", "16"]


class Downloader(threading.Thread):
    """Reads one chunk every two seconds: 64 KB/s. A greedy one asks for everything and reads nothing."""

    def __init__(self, endpoint: str, options: dict, digest: bytes, is_greedy: bool):
        super().__init__()
        self.peer = wire.Peer(endpoint, {**options, zeromq.RCVHWM: 1, zeromq.RCVBUF: 65536})
        self.digest, self.is_greedy, self.is_done, self.read = digest, is_greedy, False, 0

    def run(self) -> None:
        asked = 0
        while not self.is_done:
            if self.is_greedy:
                self.peer.say("get", {1: self.digest, 2: asked * CHUNK, 3: 16})
                asked += 16 if asked < 500 else -500
                time.sleep(0.02)
                continue
            if asked * CHUNK <= self.read:
                self.peer.say("get", {1: self.digest, 2: self.read, 3: 16})
                asked += 16
            kind, _, payload = self.peer.hear(1)
            self.read += len(payload) if kind == "chunk" else 0
            time.sleep(2)

    def stop(self) -> None:
        self.is_done = True
        self.join()
        self.peer.socket.__exit__()


def run(world) -> str:
    count, megabytes = (2, 8) if world.short else (16, 100)
    model = world.folder / "models" / "large.onnx"
    models.write_large_model(model, megabytes)
    reference = data.reference(world.tare, model, world.images, OPTIONS, world.folder)
    with Cluster(world, model=model, address="127.0.0.1") as cluster:
        cluster.start_coordinator()
        options = zeromq.worker_options(cluster.keys)
        job = cluster.submit(*OPTIONS)
        digest = bytes.fromhex(cluster.job(job)["model"]["sha256"])
        endpoint = wire.data_endpoint(cluster.endpoint)
        with wire.Peer(endpoint, options) as peer:  # The first reading fills caches that stay.
            if peer.ask("get", {1: digest, 3: 16}, "chunk", "error")[0] != "chunk":
                raise Failure("the model is not handed out")
        time.sleep(1)
        before = cluster.coordinator.resident_bytes()
        slow = [Downloader(endpoint, options, digest, False) for _ in range(count)]
        grown = {}
        fleet = []
        try:
            for downloader in slow:
                downloader.start()
            fleet += slow
            time.sleep(10)
            grown["slow"] = (cluster.coordinator.resident_bytes() - before) / count / 2**20
            middle = cluster.coordinator.resident_bytes()
            greedy = [Downloader(endpoint, options, digest, True) for _ in range(count)]
            for downloader in greedy:
                downloader.start()
            fleet += greedy
            time.sleep(10)
            grown["greedy"] = (cluster.coordinator.resident_bytes() - middle) / count / 2**20
            begun = time.monotonic()
            for _ in range(2):
                cluster.start_worker()
            cluster.wait_for(job)
            taken = time.monotonic() - begun
            cluster.expect(job, reference, "a job beside slow downloads")
            rate = sum(downloader.read for downloader in slow) / count / (20 + taken) / 1000
        finally:
            for downloader in fleet:
                downloader.stop()
    if grown["slow"] > 4:
        raise Failure(f"a slow download takes {grown['slow']:.1f} MiB of the coordinator")
    if grown["greedy"] > 16:
        raise Failure(f"a peer that asks and does not read takes {grown['greedy']:.1f} MiB of the coordinator")
    return (f"{count} peers at {rate:.0f} KB/s beside a model of {megabytes} MB: {grown['slow']:.2f} MiB of the coordinator each; "
            f"{count} that never read: {grown['greedy']:.2f} MiB each; meanwhile 2 workers fetched it and ended the job in "
            f"{taken:.1f} s; identical")
