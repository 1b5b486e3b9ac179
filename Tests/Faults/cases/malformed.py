"""Malformed frames from an allowed key: memory stays flat, a job beside them gives the same bytes."""

import hashlib
import os
import random
import time

import wire
import zeromq
from cluster import Cluster
from processes import Failure

REFERENCE = {1: 1, 2: 3, 3: 1}
BODIES = {
    "hello": {1: 1, 2: 1, 3: "build", 4: "fuzz", 5: 77, 6: 1, 7: "none", 8: [REFERENCE]}, "heartbeat": {1: [{**REFERENCE, 4: 8}]},
    "commit": {**REFERENCE, 4: 1, 5: bytes(32), 6: 100, 7: 8}, "fail": {1: REFERENCE, 2: 2, 3: "text"}, "goodbye": {1: "text"},
    "model_loaded": {1: 1, 2: bytes(32)}, "lease": {**REFERENCE, 4: 1, 5: bytes(32), 6: bytes(32), 7: bytes(32)},
    "client_request": {1: bytes(16), 2: 2, 4: "{}"}, "welcome": {1: 1, 2: bytes(16), 3: 1, 6: "ipc:///tmp/none"},
    "get": {1: bytes(32), 3: 4}, "put_open": {1: bytes(32), 2: 5000}, "put_chunk": {1: bytes(32)}, "sample_request": {1: 1, 4: 2},
}
DATA = {"get", "put_open", "put_chunk", "sample_request"}


def damage(frame: bytes, generator: random.Random) -> bytes:
    """Flips bits, cuts, doubles, lies about lengths, or replaces bytes."""
    out = bytearray(frame)
    for _ in range(generator.randint(1, 4)):
        if not out:
            return bytes(out)
        at = generator.randrange(len(out))
        match generator.randrange(6):
            case 0 | 1: out[at] ^= 1 << generator.randrange(8)
            case 2: del out[at:]
            case 3: out[at:at] = wire.varint(generator.choice([2**31, 2**32, 2**63, 2**64 - 1]))
            case 4: out += out[at:]
            case 5: out[at] = generator.randrange(256)
    return bytes(out)


def frames(peer: wire.Peer, kinds: list[str], generator: random.Random) -> list[bytes]:
    """The frames of one wrong message."""
    kind = generator.choice(kinds)
    # Mostly one of a few sessions, sometimes a new one: the number of sessions of a key is limited.
    peer.session = hashlib.sha256(bytes([generator.randrange(250)])).digest()[:16]
    match generator.randrange(8):
        case 0: out = [peer.envelope(kind, BODIES[kind], version=generator.choice([0, 2, 2**32 - 1]))]
        case 1: out = [generator.randbytes(generator.randrange(2000))]
        case 2: out = [wire.message({1: 1, 2: bytes(generator.randrange(40)), 3: 1, wire.KINDS[kind]: BODIES[kind]})]
        case 3: out = [wire.message({1: 1, 2: peer.session, 3: 1, generator.randrange(9, 60): BODIES[kind]})]
        case _: out = [damage(peer.envelope(kind, BODIES[kind]), generator)]
    if kind == "put_chunk" or generator.randrange(20) == 0:
        out += [generator.randbytes(generator.randrange(300)) for _ in range(generator.randint(1, 3))]
    return out


def run(world) -> str:
    wanted = 4_000 if world.short else 100_000
    generator = random.Random(world.seed)
    sent = jobs = 0
    with Cluster(world, world.long_images, ["--lease", "3"], address="127.0.0.1") as cluster:
        cluster.start_coordinator()
        for _ in range(2):
            cluster.start_worker()
        options = zeromq.worker_options(cluster.keys)
        job = cluster.submit(*world.long_options)
        sides = [(cluster.endpoint, [kind for kind in BODIES if kind not in DATA]),
                 (wire.data_endpoint(cluster.endpoint), sorted(DATA))]
        baseline = 0
        begun = time.monotonic()
        while sent < wanted:
            for endpoint, kinds in sides:
                with wire.Peer(endpoint, options) as peer:
                    for _ in range(wanted // 40):
                        if not peer.socket.send(*frames(peer, kinds, generator)):
                            raise Failure("the coordinator takes no more frames")
                        sent += 1
                    # What comes after all of them is answered: they were read.
                    peer.session = os.urandom(16)
                    question = ("hello", {1: 1, 2: 1, 4: "fuzz"}) if kinds is sides[0][1] else ("get", {1: bytes(32), 3: 1})
                    if not peer.ask(*question, "welcome", "reject", "error", timeout=30)[0]:
                        raise Failure(f"no answer after {sent} malformed frames")
            if cluster.job(job).get("ended"):
                cluster.wait_for(job)
                cluster.expect(job, world.long_reference, "a job beside malformed frames")
                jobs += 1
                job = cluster.submit(*world.long_options)
            if sent >= wanted // 5 and not baseline:
                baseline = cluster.coordinator.resident_bytes()
        seconds = time.monotonic() - begun
        growth = (cluster.coordinator.resident_bytes() - baseline) >> 20
        cluster.wait_for(job)
        cluster.expect(job, world.long_reference, "a job beside malformed frames")
        refused = cluster.occurrences("rejected a message")
        if not cluster.metric("tare_workers"):
            raise Failure("the workers are gone")
    if growth > 16:
        raise Failure(f"{sent} malformed frames took {growth} MiB")
    if refused < sent // 4:
        raise Failure(f"only {refused} of {sent} malformed frames were refused")
    return (f"{sent} malformed frames over tcp with CURVE in {seconds:.0f} s: {refused} refused as no message, the others without "
            f"effect; memory {growth:+d} MiB after the first fifth; {jobs + 1} jobs beside them identical")
