"""Child processes that end with this one, whatever happens."""

import concurrent.futures
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time


class Failure(Exception):
    """A promise that was not kept."""


class Skipped(Exception):
    """This machine cannot run the case; the text says what is missing."""


def need(*tools: str) -> None:
    """Skips the case when a tool is missing, or this is not root."""
    if os.geteuid() != 0:
        raise Skipped("needs root")
    for tool in tools:
        if not shutil.which(tool):
            raise Skipped(f"needs {tool}, which is not installed")


def until(condition, timeout: float, what: str, pause: float = 0.02) -> None:
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise Failure(f"waited {timeout:.0f} s for {what}")
        time.sleep(pause)


def parallel(function, items: list, width: int) -> list:
    """The results for all items, some at a time; when one fails, the others are not waited for."""
    with concurrent.futures.ThreadPoolExecutor(width) as pool:
        try:
            return list(pool.map(function, items))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            Process.end_all()
            raise


class Process:
    """A child with a log file; ends when the harness does, even by SIGKILL (setpriv --pdeathsig)."""

    living: set = set()
    lock = threading.Lock()
    guard = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []

    def __init__(self, name: str, words: list, folder: pathlib.Path, environment: dict | None = None, before: list = ()):
        """Starts `words`; `before` are words to put in front, such as those of `ip netns exec`, that keep the pid."""
        self.name = name
        self.log = folder / f"{name}-{time.monotonic_ns()}.log"
        self.file = self.log.open("wb")
        self.process = subprocess.Popen(
            [str(word) for word in [*self.guard, *before, *words]], stdout=self.file, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, env={**os.environ, **(environment or {})}, cwd=folder)
        with Process.lock:
            Process.living.add(self)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def signal(self, number: int) -> None:
        if self.is_running:
            self.process.send_signal(number)

    def kill(self) -> int:
        self.signal(signal.SIGKILL)
        return self.wait()

    def wait(self, timeout: float = 60) -> int:
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} did not end within {timeout:.0f} s") from None
        self.file.close()
        with Process.lock:
            Process.living.discard(self)
        return status

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def resident_bytes(self, peak: bool = False) -> int:
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:" if peak else "VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0

    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    @classmethod
    def end_all(cls) -> int:
        """Ends what a case has left behind; returns how many there were."""
        with cls.lock:
            left = [process for process in cls.living if process.is_running]
        for process in left:
            process.kill()
        return len(left)
