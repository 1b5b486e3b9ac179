"""A worker with a key of its own that lies: another's session, wrong digests, another's shard, many commits, huge counts."""

import hashlib
import json
import os
import subprocess

import wire
import zeromq
from cluster import Cluster
from processes import Failure

HUGE = 2**63 - 1


def upload(data: wire.Peer, content: bytes, announced: bytes) -> str:
    """Uploads bytes under a digest; returns what became of it."""
    if data.ask("put_open", {1: announced, 2: len(content)}, "put_need", "error")[0] != "put_need":
        return "refused"
    data.say("put_chunk", {1: announced}, content)
    return data.hear(5)[0]


def expect(kind: str, allowed: tuple[str, ...], what: str) -> None:
    if kind not in allowed:
        raise Failure(f"{what}: answered with '{kind}' and not with {' or '.join(allowed)}")


def run(world) -> str:
    many = 2_000 if world.short else 100_000
    with Cluster(world, world.long_images, ["--lease", "5"], address="127.0.0.1") as cluster:
        line = subprocess.run([cluster.tare, "keygen", "--output", cluster.keys / "evil"], check=True, capture_output=True,
                              text=True).stdout
        with (cluster.keys / "authorized_keys").open("a") as file:
            file.write(line)
        cluster.start_coordinator()
        for rank in range(2):
            cluster.start_worker("--local-rank", str(rank))
        job = cluster.submit(*world.long_options)
        cluster.wait_for_shards(job)
        arithmetic, victim = [(worker["arithmetic"], worker["session"]) for worker in
                              json.loads(cluster.fetch("/api/v1/workers"))["items"]][0]
        options = zeromq.worker_options(cluster.keys, "evil")
        data_endpoint = wire.data_endpoint(cluster.endpoint)
        with wire.Peer(cluster.endpoint, options, bytes.fromhex(victim)) as thief:
            expect(thief.join(), ("reject",), "another's session")
            thief.say("goodbye", {1: "over"})
            expect(thief.ask("lease_request", {}, "lease", "wait", "reject")[0], ("reject",), "a lease in another's name")
        with wire.Peer(cluster.endpoint, options) as liar, wire.Peer(data_endpoint, options, liar.session) as data:
            expect(liar.join(node="evil", rank=7, arithmetic=arithmetic), ("welcome",), "an allowed worker")
            garbage = os.urandom(4096)
            digest = hashlib.sha256(garbage).digest()
            expect(upload(data, garbage, bytes(32)), ("error",), "bytes with another digest")
            if upload(data, garbage, digest) != "put_ack":
                raise Failure("an upload with the right digest was refused")
            results = {}
            total = cluster.job(job)["shardsTotal"]
            # Garbage for shards that are counted, leased by others, or not yet handed out.
            for index in range(many):
                shard = index % (total + 3)
                commit = {1: job, 2: shard, 3: 1 + index % 3, 4: 1, 5: digest if index % 2 else os.urandom(32), 6: 4096, 7: 32}
                liar.say("commit", commit)
                if index % 50 == 49:
                    for _ in range(50):
                        kind, fields, _ = liar.hear(2)
                        if kind == "commit_ack":
                            result = fields.get(2, [0])[0]
                            results[result] = results.get(result, 0) + 1
                        elif not kind:
                            break
            if results.get(1):
                raise Failure(f"{results[1]} shards of garbage were accepted")
            before = cluster.coordinator.resident_bytes()
            for question in ({1: digest, 2: HUGE, 3: 2**32 - 1}, {1: digest, 2: 0, 3: 2**31}):
                data.say("get", question)
            data.say("sample_request", {1: job, 2: HUGE, 4: 2**32 - 1})
            for size in (2**28, 2**40, HUGE):
                data.say("put_open", {1: os.urandom(32), 2: size})
            liar.say("hello", {1: 1, 2: 2**32 - 1, 8: [{1: 1, 2: shard, 3: 1} for shard in range(5000)]})
            liar.say("heartbeat", {1: [{1: 1, 2: shard, 3: 1, 4: HUGE} for shard in range(900)], 2: HUGE})
            liar.say("fail", {1: {1: job, 2: 2**32 - 1, 3: 1}, 2: 1, 3: "x" * 60000, 4: HUGE})
            liar.ask("heartbeat", {}, "heartbeat_ack", "unknown", "error")
            growth = cluster.coordinator.resident_bytes() - before
        cluster.wait_for(job)
        cluster.expect(job, world.long_reference, "a job with a hostile worker")
        alive = [process.is_running for process in cluster.workers]
        quarantined = cluster.metric("tare_quarantined_devices")
        again = cluster.submit(*world.long_options)
        cluster.wait_for(again)
        cluster.expect(again, world.long_reference, "a job after a hostile worker")
    if not all(alive):
        raise Failure("an honest worker was driven away")
    if growth > 16 << 20:
        raise Failure(f"huge counts took {growth >> 20} MiB")
    names = {0: "unspecified", 2: "duplicate", 3: "conflict", 4: "retry", 5: "missing", 6: "rejected"}
    answers = ", ".join(f"{count} {names[result]}" for result, count in sorted(results.items()))
    return (f"{many} false commits: none accepted ({answers}); another's session refused; huge counts: memory "
            f"{growth / 2**20:+.1f} MiB; {quarantined:.0f} devices quarantined; identical")
