"""A bridge on this machine and workers' namespaces behind bad cables (impair.py). Only private addresses, nothing leaves."""

import os
import pathlib
import subprocess
import sys

from processes import Failure, Process, Skipped, need


def ip(*words: str, check: bool = True) -> bool:
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if check and done.returncode != 0:
        raise Skipped(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.returncode == 0


class Network:
    """Removes its bridge, namespaces and cables at the end."""

    def __init__(self, size: int, seed: int):
        need("ip")
        if not os.path.exists("/dev/net/tun"):
            raise Skipped("needs /dev/net/tun")
        mark = os.getpid() % 100_000
        self.bridge, self.names = f"tf{mark}", [f"tf{mark}n{index}" for index in range(size)]
        self.subnet = f"10.{77 + mark % 100}.{mark // 100 % 250}"
        self.address = f"{self.subnet}.1"
        self.seed = seed
        self.cables: list[subprocess.Popen] = []

    def __enter__(self) -> "Network":
        try:
            ip("link", "add", self.bridge, "type", "bridge")
            ip("address", "add", f"{self.address}/24", "dev", self.bridge)
            ip("link", "set", self.bridge, "up")
            for index, name in enumerate(self.names):
                ip("netns", "add", name)
                words = [*Process.guard, sys.executable, pathlib.Path(__file__).with_name("impair.py"), name,
                         f"{self.subnet}.{10 + index}/24", self.bridge, str(self.seed + index)]
                cable = subprocess.Popen([str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                self.cables.append(cable)
                if cable.stdout.readline().strip() != "ready":
                    raise Skipped("a cable between namespaces cannot be made here")
            return self
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_) -> None:
        for cable in self.cables:
            cable.kill()
            cable.wait()
        for name in self.names:
            ip("netns", "del", name, check=False)
        ip("link", "del", self.bridge, check=False)

    def inside(self, index: int) -> list[str]:
        """Words that run a program in a namespace."""
        return ["ip", "netns", "exec", self.names[index]]

    def set(self, index: int, **settings: float) -> None:
        """Changes a cable."""
        cable = self.cables[index]
        if cable.poll() is not None:
            raise Failure("a cable has ended")
        cable.stdin.write(" ".join(f"{name}={value}" for name, value in settings.items()) + "\n")
        cable.stdin.flush()
