"""Real processes of one cluster: a coordinator with its state directory, workers, and clients. Only loopback and ipc."""

import contextlib
import json
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from processes import Failure, Process, until


def free_port_pair() -> int:
    """A port of this machine that is free, like the next one."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("", port + 1))
                return port
            except (OSError, OverflowError):
                continue


class Cluster:
    """Ends everything that it started, also when a case fails."""

    def __init__(self, world, images: pathlib.Path | None = None, options: list = (), address: str | None = None,
                 model: pathlib.Path | None = None, roots: list = ()):
        """A cluster over ipc, or, with an `address`, over tcp with keys."""
        self.tare, self.images, self.model = world.tare, images or world.images, model or world.model
        self.options = [*options, *(word for root in roots for word in ("--data-root", root))]
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cluster-", dir=world.folder))
        self.keys = self.folder / "keys" if address else None
        self.endpoint = f"tcp://{address}:{free_port_pair()}" if address else f"ipc://{self.folder}/socket"
        if self.keys:
            subprocess.run([self.tare, "keygen", "--directory", self.keys], check=True, capture_output=True)
        self.coordinator: Process | None = None
        self.workers: list[Process] = []
        self.restarts = 0

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, kind, error, _) -> None:
        for process in self.workers + ([self.coordinator] if self.coordinator else []):
            if process.is_running:
                process.signal(signal.SIGCONT)
                process.kill()
        if error is not None and self.coordinator:
            error.add_note("end of the coordinator's log: " + " | ".join(self.coordinator.text().splitlines()[-6:]))
        shutil.rmtree(self.folder, ignore_errors=True)

    # Processes.

    def start_coordinator(self, environment: dict | None = None, wait: bool = True, before: list = ()) -> Process:
        words = [self.tare, "coordinator", "--state-dir", self.folder / "state", "--listen", self.endpoint,
                 "--http", "127.0.0.1:0", "--data-root", self.images.parent, "--data-root", self.model.parent]
        words += ["--keys", self.keys] if self.keys else []
        self.coordinator = Process("coordinator", [*words, *self.options], self.folder, environment, before)
        if wait:
            until(lambda: "serving http" in self.coordinator.text() or not self.coordinator.is_running, 60, "listening")
        return self.coordinator

    def start_worker(self, *options: str, before: list = (), environment: dict | None = None) -> Process:
        words = [self.tare, "worker", *self.access("worker"), "--cache-directory", self.folder / "cache"]
        worker = Process("worker", [*words, *options], self.folder, {"OMP_NUM_THREADS": "1", **(environment or {})}, before)
        self.workers.append(worker)
        return worker

    def access(self, role: str) -> list:
        """The options by which a worker or client finds the coordinator."""
        keys = ["--key", self.keys / f"{role}.secret", "--server-key", self.keys / "coordinator.public"] if self.keys else []
        return ["--coordinator", self.endpoint, *keys]

    # Clients.

    def ask(self, *words: str, check: bool = True, timeout: float = 120) -> subprocess.CompletedProcess:
        try:
            done = subprocess.run([self.tare, *map(str, words), *map(str, self.access("submitter"))], capture_output=True,
                                  text=True, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise Failure(f"tare {' '.join(map(str, words))}: no answer within {timeout:.0f} s") from None
        if check and done.returncode != 0:
            raise Failure(f"tare {' '.join(map(str, words))}: {done.stderr.strip()}")
        return done

    def submit(self, *options: str, images: pathlib.Path | None = None) -> int:
        done = self.ask("submit", self.model, "--data", images or self.images, "--json", *options)
        return json.loads(done.stdout)["id"]

    def fetch(self, path: str, timeout: float = 10) -> str:
        """A page of the coordinator's HTTP server; empty while there is none."""
        serving = [line for line in self.coordinator.text().splitlines() if "serving http" in line]
        if not serving:
            return ""
        root = serving[-1].split("serving ")[1].split("/healthz")[0]
        try:
            with urllib.request.urlopen(root + path, timeout=timeout) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            return "" if error.code == 404 else error.read().decode()
        except (OSError, urllib.error.URLError):
            return ""

    def job(self, number: int) -> dict:
        """The job, or nothing while it cannot be asked for."""
        text = self.fetch(f"/api/v1/jobs/{number}")
        return json.loads(text) if text else {}

    def pages(self, path: str) -> list[dict]:
        """All items of a list."""
        items: list[dict] = []
        while True:
            page = json.loads(self.fetch(f"{path}?offset={len(items)}") or "{}")
            items += page.get("items", [])
            if not page.get("items") or len(items) >= page["total"]:
                return items

    def shards(self, number: int) -> list[dict]:
        return self.pages(f"/api/v1/jobs/{number}/shards")

    def counted(self, number: int) -> int:
        return self.job(number).get("shardsDone", 0)

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's series that have these labels."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        lines = [line for line in self.fetch("/metrics").splitlines() if line.split("{")[0].split(" ")[0] == name]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if all(label in line for label in wanted))

    def wait_for(self, number: int, timeout: float = 600, state: str = "completed") -> dict:
        def has_ended() -> bool:
            if not self.coordinator.is_running:
                raise Failure("the coordinator ended: " + self.coordinator.text()[-300:])
            return bool(self.job(number).get("ended"))
        until(has_ended, timeout, f"job {number} to end", pause=0.1)
        job = self.job(number)
        if job["state"] != state:
            raise Failure(f"job {number} is {job['state']} and not {state}: {job.get('failure')}")
        return job

    def wait_for_shards(self, number: int, count: int = 1, timeout: float = 120) -> None:
        until(lambda: self.counted(number) >= count or self.job(number).get("ended"), timeout, f"{count} counted shards")

    def digests(self, number: int) -> tuple[str, str]:
        """SHA-256 of the statistics and the model, as the result says."""
        files = {file["name"]: file["sha256"] for file in self.job(number).get("results", [])}
        return files.get("statistics", "none"), files.get("model", "none")

    def expect(self, number: int, reference: tuple[str, str], what: str) -> None:
        if self.digests(number) != reference:
            raise Failure(f"{what}: digests {self.digests(number)} and not {reference}")

    def until(self, condition, timeout: float, what: str) -> None:
        until(condition, timeout, what)

    def occurrences(self, text: str) -> int:
        """How many lines of the coordinator's log say this."""
        return sum(text in line for line in self.coordinator.text().splitlines())

    def rows(self, query: str) -> set[tuple]:
        """What the database of a dead coordinator says, read from a copy."""
        copy = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        for file in (self.folder / "state").glob("state.sqlite*"):
            shutil.copy(file, copy)
        with contextlib.closing(sqlite3.connect(copy / "state.sqlite")) as database:
            try:
                return set(database.execute(query))
            except sqlite3.OperationalError:
                return set()  # It died before there were tables.

    def run(self, world, workers: int = 2, timeout: float = 600) -> int:
        """Starts a coordinator and workers and runs the short job to its end."""
        self.start_coordinator()
        for _ in range(workers):
            self.start_worker()
        job = self.submit(*world.options)
        self.wait_for(job, timeout)
        self.expect(job, world.reference, "a run without faults")
        return job


def sleep_until(moment: float) -> None:
    time.sleep(max(0, moment - time.monotonic()))
