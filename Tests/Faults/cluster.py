"""Real processes of one cluster: a coordinator with its state directory, workers, and clients. Only loopback and ipc."""

import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import tempfile
import time


def write_images(path: pathlib.Path, count: int, seed: int = 1) -> None:
    """A .npy of float32 images [count, 1, 32, 32] that depends on the seed alone."""
    generator = random.Random(seed)
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({count}, 1, 32, 32), }}"
    header += " " * (63 - (10 + len(header)) % 64) + "\n"
    with path.open("wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        for _ in range(count):
            file.write(struct.pack("<1024f", *(generator.random() for _ in range(1024))))


class Failure(Exception):
    """A promise that was not kept."""


class Process:
    def __init__(self, name: str, words: list, folder: pathlib.Path, environment: dict | None = None):
        self.name = name
        self.log = folder / f"{name}-{time.monotonic_ns()}.log"
        self.file = self.log.open("wb")
        self.process = subprocess.Popen(
            [str(word) for word in words], stdout=self.file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})}, cwd=folder)

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
        status = self.process.wait(timeout)
        self.file.close()
        return status

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def resident_bytes(self, peak: bool = False) -> int:
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:" if peak else "VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0


class Cluster:
    """Ends everything that it started, also when a case fails."""

    def __init__(self, tare: str, images: pathlib.Path, model: pathlib.Path, options: list[str] = ()):
        self.tare, self.images, self.model, self.options = tare, images, model, list(options)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tare-faults-"))
        self.endpoint = f"ipc://{self.folder}/socket"
        self.coordinator: Process | None = None
        self.workers: list[Process] = []
        self.started = 0

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_) -> None:
        for process in self.workers + ([self.coordinator] if self.coordinator else []):
            if process.is_running:
                process.signal(signal.SIGCONT)
                process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    # Processes.

    def start_coordinator(self, environment: dict | None = None, wait: bool = True) -> Process:
        words = [self.tare, "coordinator", "--state-dir", self.folder / "state", "--listen", self.endpoint, "--http", "none",
                 "--data-root", self.images.parent, "--data-root", self.model.parent, *self.options]
        self.coordinator = Process("coordinator", words, self.folder, environment)
        if wait:
            self.until(lambda: "listening" in self.coordinator.text() or not self.coordinator.is_running, 60, "listening")
        return self.coordinator

    def start_worker(self, *options: str) -> Process:
        self.started += 1
        worker = Process("worker", [self.tare, "worker", "--coordinator", self.endpoint, "--cache-directory",
                                    self.folder / "cache", *options], self.folder, {"OMP_NUM_THREADS": "1"})
        self.workers.append(worker)
        return worker

    # Clients.

    def ask(self, *words: str, check: bool = True) -> subprocess.CompletedProcess:
        done = subprocess.run([self.tare, *map(str, words), "--coordinator", self.endpoint], capture_output=True, text=True,
                              timeout=600)
        if check and done.returncode != 0:
            raise Failure(f"tare {' '.join(map(str, words))}: {done.stderr.strip()}")
        return done

    def submit(self, *options: str) -> int:
        done = self.ask("submit", self.model, "--data", self.images, "--json", *options)
        return json.loads(done.stdout)["id"]

    def job(self, number: int) -> dict:
        return json.loads(self.ask("status", number, "--json").stdout)

    def try_job(self, number: int) -> dict:
        """The job, or nothing while there is no coordinator."""
        done = self.ask("status", number, "--json", check=False)
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def wait_for(self, number: int, timeout: float = 600) -> dict:
        self.until(lambda: self.try_job(number).get("ended"), timeout, f"job {number} to end")
        job = self.job(number)
        if job["state"] != "completed":
            raise Failure(f"job {number} is {job['state']}: {job.get('failure')}")
        return job

    def digests(self, number: int) -> tuple[str, str]:
        """SHA-256 of the statistics and the model, as the result says."""
        files = {file["name"]: file["sha256"] for file in self.job(number)["results"]}
        return files["statistics"], files["model"]

    def until(self, condition, timeout: float, what: str) -> None:
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                raise Failure(f"waited {timeout:.0f} s for {what}")
            time.sleep(0.02)


def reference(tare: str, model: pathlib.Path, images: pathlib.Path, options: list[str], folder: pathlib.Path) -> tuple[str, str]:
    """The digests of the same job computed by `tare calibrate` with one worker."""
    output, statistics = folder / "reference.onnx", folder / "reference.safetensors"
    subprocess.run([tare, "calibrate", model, "--data", images, "--workers", "1", "--output", output, "--statistics",
                    statistics, *options], check=True, capture_output=True)
    return tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path in (statistics, output))
