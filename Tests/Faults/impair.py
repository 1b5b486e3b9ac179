"""A bad network cable in user space: joins a network namespace to a bridge and loses, delays, doubles, reorders and damages
what passes, decided by a seed. Kernels without netem have nothing else.

    impair.py NAMESPACE ADDRESS/LENGTH BRIDGE SEED

Commands on standard input, one a line: `loss=5 delay=20 jitter=5 duplicate=1 reorder=5 corrupt=1 rate=1e6 up=0 down=0`
(percent, milliseconds, bits per second with 0 for no limit; up=0 cuts what comes from the namespace, down=0 what goes to it).
"""

import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import sys
import time

SET_INTERFACE, TAP, NO_HEADER = 0x400454CA, 0x0002, 0x1000


def tap(name: str) -> int:
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, SET_INTERFACE, struct.pack("16sH", name.encode(), TAP | NO_HEADER))
    return descriptor


def ip(*words: str) -> None:
    subprocess.check_call(["ip", *words])


def join(namespace: str, address: str, bridge: str) -> tuple[int, int]:
    """Two ends of the cable: one in the namespace, one at the bridge."""
    inside, outside = f"i{namespace}", f"o{namespace}"
    ends = tap(inside), tap(outside)
    ip("link", "set", inside, "netns", namespace)
    ip("-n", namespace, "link", "set", inside, "name", "eth0")
    ip("-n", namespace, "address", "add", address, "dev", "eth0")
    ip("-n", namespace, "link", "set", "eth0", "up")
    ip("-n", namespace, "link", "set", "lo", "up")
    ip("link", "set", outside, "master", bridge, "up")
    return ends


class Cable:
    def __init__(self, inside: int, outside: int, seed: int):
        self.inside, self.outside = inside, outside
        self.random = random.Random(seed)
        self.settings = {"loss": 0.0, "delay": 0.0, "jitter": 0.0, "duplicate": 0.0, "reorder": 0.0, "corrupt": 0.0,
                         "rate": 0.0, "up": 1.0, "down": 1.0}
        self.queue: list = []
        self.count = 0
        self.free = {inside: 0.0, outside: 0.0}

    def chance(self, name: str) -> bool:
        return self.random.random() * 100 < self.settings[name]

    def take(self, frame: bytes, target: int) -> None:
        """Decides what becomes of a frame."""
        if not self.settings["up" if target == self.outside else "down"] or self.chance("loss"):
            return
        if self.chance("corrupt") and len(frame) > 60:
            damaged = bytearray(frame)
            damaged[self.random.randrange(54, len(frame))] ^= 1 << self.random.randrange(8)
            frame = bytes(damaged)
        now = time.monotonic()
        due = now + (self.settings["delay"] + self.random.uniform(-1, 1) * self.settings["jitter"]) / 1000
        if not self.chance("reorder"):
            due = max(due, self.free[target])
            if self.settings["rate"]:
                due += len(frame) * 8 / self.settings["rate"]
                if due > now + 2:
                    return  # The queue in front of a slow line is finite.
            self.free[target] = due
        for _ in range(2 if self.chance("duplicate") else 1):
            self.count += 1
            heapq.heappush(self.queue, (due, self.count, target, frame))

    def deliver(self) -> None:
        while self.queue and self.queue[0][0] <= time.monotonic():
            _, _, target, frame = heapq.heappop(self.queue)
            try:
                os.write(target, frame)
            except OSError:
                pass  # An interface that is full or down loses frames.

    def run(self) -> None:
        while True:
            wait = max(0, self.queue[0][0] - time.monotonic()) if self.queue else None
            ready, _, _ = select.select([self.inside, self.outside, sys.stdin], [], [], wait)
            if sys.stdin in ready:
                line = sys.stdin.readline()
                if not line:
                    return
                self.settings.update({word.split("=")[0]: float(word.split("=")[1]) for word in line.split()})
            for source, target in ((self.inside, self.outside), (self.outside, self.inside)):
                if source in ready:
                    for _ in range(64):
                        try:
                            frame = os.read(source, 65536)
                        except BlockingIOError:
                            break
                        self.take(frame, target)
            self.deliver()


if __name__ == "__main__":
    cable = Cable(*join(*sys.argv[1:4]), int(sys.argv[4]))
    print("ready", flush=True)
    cable.run()
