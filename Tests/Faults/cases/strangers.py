"""Peers without an allowed key: nothing of theirs is delivered, and the cluster works on beside them.

Without encryption, with a password, with a wrong server key, with an unknown key, with bytes of other protocols, with an
announced frame of 256 MiB, with thousands of connections that say nothing, and with more of them than there are descriptors.
"""

import contextlib
import os
import shutil
import socket
import struct
import time

import wire
import zeromq
from cluster import Cluster
from processes import Failure

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00"


def address(cluster: Cluster) -> tuple[str, int]:
    host, port = cluster.endpoint.removeprefix("tcp://").rsplit(":", 1)
    return host, int(port)


def wrong_peers(cluster: Cluster) -> dict[str, dict]:
    server = zeromq.key_file(cluster.keys / "coordinator.secret")["public"]
    worker = zeromq.key_file(cluster.keys / "worker.secret")
    return {
        "no encryption": {}, "password": {zeromq.PLAIN_USERNAME: b"worker", zeromq.PLAIN_PASSWORD: b"worker"},
        "wrong server key": zeromq.curve(worker["public"], worker["secret"], zeromq.new_keys()[0]),
        "unknown key": zeromq.curve(*zeromq.new_keys(), server),
    }


def raw_peers(host: str, port: int) -> list[socket.socket]:
    """Connections that talk something else, or announce a frame of 256 MiB before any key is shown."""
    said = [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", os.urandom(4096), b"SSH-2.0-OpenSSH_9.2\r\n", b"\x16\x03\x01" + os.urandom(500)]
    null = GREETING[:10] + b"\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
    curve = GREETING[:10] + b"\x03\x00" + b"CURVE".ljust(20, b"\0") + bytes(32)
    giant = struct.pack(">BQ", 0x06, 256 << 20)
    said += [greeting + giant + os.urandom(1 << 20) for greeting in (null, curve) for _ in range(8)]
    peers = []
    for bytes_ in said:
        peer = socket.create_connection((host, port), 5)
        peer.setblocking(False)
        with contextlib.suppress(OSError):
            peer.send(bytes_)
        peers.append(peer)
    return peers


def besieged(world, count: int) -> str:
    with Cluster(world, world.long_images, address="127.0.0.1") as cluster, contextlib.ExitStack() as stack:
        cluster.start_coordinator()
        for _ in range(2):
            cluster.start_worker()
        job = cluster.submit(*world.long_options)
        cluster.wait_for_shards(job)
        before = cluster.coordinator.resident_bytes()
        answered = []
        for name, options in wrong_peers(cluster).items():
            for endpoint in (cluster.endpoint, wire.data_endpoint(cluster.endpoint)):
                peer = stack.enter_context(wire.Peer(endpoint, {**options, zeromq.SNDTIMEO: 20}))
                for _ in range(100):
                    peer.say("hello", {1: 1, 2: 1, 4: "stranger"})
                    peer.say("client_request", {1: os.urandom(16), 2: 2, 4: '{"kind":"jobs"}'})
                if peer.hear(1)[0]:
                    answered.append(name)
        if answered:
            raise Failure(f"answered to: {answered}")
        host, port = address(cluster)
        for side in (port, port + 1):
            for peer in raw_peers(host, side):
                stack.enter_context(peer)
        for index in range(count):
            stack.enter_context(socket.create_connection((host, port + index % 2), 10))
        growth = cluster.coordinator.resident_bytes(peak=True) - before
        begun = time.monotonic()
        probe = stack.enter_context(wire.Peer(cluster.endpoint, zeromq.worker_options(cluster.keys)))
        if probe.join() != "welcome":
            raise Failure("an allowed worker cannot join beside strangers")
        waited = time.monotonic() - begun
        probe.say("goodbye", {1: "over"})
        cluster.wait_for(job)
        cluster.expect(job, world.long_reference, "a job beside strangers")
        sessions = cluster.metric("tare_worker_sessions_total")
    if sessions != 3:
        raise Failure(f"{sessions:.0f} sessions were opened, by 3 peers with a key")
    if growth > 64 << 20:
        raise Failure(f"strangers took {growth >> 20} MiB")
    return (f"4 kinds of wrong keys, 40 other talkers, {count} silent connections: no message delivered, peak memory "
            f"+{growth >> 20} MiB, an allowed worker joined beside them in {waited:.1f} s")


def exhausted(world, limit: int) -> str:
    """More connections than the coordinator has descriptors."""
    if not shutil.which("prlimit"):
        return "descriptors not exhausted (no prlimit)"
    with Cluster(world, world.long_images, address="127.0.0.1") as cluster, contextlib.ExitStack() as stack:
        cluster.start_coordinator(before=["prlimit", f"--nofile={limit}:{limit}"])
        cluster.start_worker()
        job = cluster.submit(*world.long_options)
        cluster.wait_for_shards(job)
        host, port = address(cluster)
        for _ in range(2 * limit):
            stack.enter_context(socket.create_connection((host, port), 10))
        full = cluster.coordinator.open_files()
        if full >= limit:
            raise Failure("silent connections took the last descriptor")
        cluster.until(lambda: "job 1 is completed" in cluster.coordinator.text() or "job 1 ended" in cluster.coordinator.text()
                      or not cluster.coordinator.is_running, 120, "the job to end without free descriptors")
        stack.close()
        if not cluster.coordinator.is_running:
            raise Failure("the coordinator ended for want of descriptors")
        cluster.until(lambda: cluster.job(job), 60, "an answer when descriptors are free again")
        cluster.wait_for(job)
        cluster.expect(job, world.long_reference, "a job without free descriptors")
        refused = cluster.metric("tare_zmq_handshake_failures_total", reason="descriptors")
    if not refused:
        raise Failure("no connection was refused for want of descriptors")
    return f"with {full} of {limit} descriptors taken and {refused:.0f} connections refused the job went on"


def run(world) -> str:
    return f"{besieged(world, 300 if world.short else 4000)}; {exhausted(world, 200)}; identical"
