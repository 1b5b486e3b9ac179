"""A worker whose results are wrong in the last bit of one number, as those of a faulty device are."""

import hashlib
import json
import struct
import threading
import time

import wire
from cluster import Cluster
from processes import Failure


def wrong_statistics(world) -> tuple[str, bytes]:
    """The arithmetic of this machine's workers, and a shard's statistics from a coordinator's database with one bit flipped."""
    for _ in range(10):
        with Cluster(world) as cluster:
            cluster.start_coordinator()
            cluster.start_worker()
            job = cluster.submit(*world.options)
            cluster.wait_for_shards(job, 1)
            arithmetic = cluster.pages("/api/v1/workers")[0]["arithmetic"]
            cluster.coordinator.kill()
            leaves = cluster.rows("SELECT position, bytes FROM tree_nodes WHERE level = 0")
            if leaves:
                return arithmetic, flipped(sorted(leaves)[0][1])
    raise Failure("no shard's statistics were found in a database")


def flipped(statistics: bytes) -> bytes:
    """Changes the maximum of one activation in one batch by the least that a float can change by (the file is safetensors)."""
    length = struct.unpack("<Q", statistics[:8])[0]
    tensors = json.loads(statistics[8:8 + length])
    for name in sorted(tensors):
        if not name.endswith(".batch_range"):
            continue
        start, end = (8 + length + offset for offset in tensors[name]["data_offsets"])
        values = struct.unpack(f"<{(end - start) // 4}f", statistics[start:end])
        for index in range(1, len(values), 2):
            if values[index] < max(values):  # Not the maximum of the whole shard, which is kept twice.
                wrong = bytearray(statistics)
                wrong[start + 4 * index] ^= 1
                return bytes(wrong)
    raise Failure("the statistics have no range of a batch to falsify")


class Liar(threading.Thread):
    """Talks over ipc; has lied once a shard of it was counted."""

    def __init__(self, cluster: Cluster, arithmetic: str, statistics: bytes):
        super().__init__(daemon=True)
        self.endpoint, self.arithmetic, self.statistics = cluster.endpoint, arithmetic, statistics
        self.has_lied, self.is_done = False, False

    def run(self) -> None:
        with wire.Peer(self.endpoint, {}) as control, wire.Peer(wire.data_endpoint(self.endpoint), {}, control.session) as data:
            control.join(node="liar", rank=0, arithmetic=self.arithmetic, timeout=30)
            while not self.is_done and not self.has_lied:
                kind, lease, _ = control.ask("lease_request", {}, "lease", "wait", "unknown", "done", "reject", timeout=2)
                if kind == "lease":
                    self.lie(control, data, lease)
                time.sleep(0.01)
            while not self.is_done:  # Stays, without asking for more.
                control.say("heartbeat")
                control.hear(0.5)

    def lie(self, control: wire.Peer, data: wire.Peer, lease: dict) -> None:
        digest = hashlib.sha256(self.statistics).digest()
        if data.ask("put_open", {1: digest, 2: len(self.statistics)}, "put_need", "error")[0] == "put_need":
            for start in range(0, len(self.statistics), 131_072):
                data.say("put_chunk", {1: digest, 2: start}, self.statistics[start:start + 131_072])
                data.hear(5)
        commit = {number: lease[number][0] for number in (1, 2, 3, 4) if number in lease}
        answer = control.ask("commit", {**commit, 5: digest, 6: len(self.statistics), 7: 8}, "commit_ack")
        self.has_lied = answer[0] == "commit_ack" and answer[1].get(2) == [1]

    def stop(self) -> None:
        self.is_done = True
        self.join(30)
