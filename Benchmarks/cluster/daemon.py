"""A coordinator daemon for a benchmark: its processes, its clients, and what they cost."""

import json
import os
import pathlib
import signal
import subprocess
import time


class Daemon:
    def __init__(self, tare: pathlib.Path, folder: pathlib.Path, roots: list, is_encrypted: bool):
        self.tare, self.folder = str(tare), folder
        folder.mkdir(parents=True)
        self.processes: list[subprocess.Popen] = []
        self.client_keys: list[str] = []
        self.worker_keys: list[str] = []
        words = ["coordinator", "--state-dir", folder / "state", "--http", "none", "--address-file", folder / "address"]
        for root in roots:
            words += ["--data-root", root]
        if is_encrypted:
            self.run("keygen", "--directory", folder / "keys")
            server = ["--server-key", str(folder / "keys/coordinator.public")]
            self.client_keys = ["--key", str(folder / "keys/submitter.secret"), *server]
            self.worker_keys = ["--key", str(folder / "keys/worker.secret"), *server]
            words += ["--listen", "tcp://127.0.0.1:*", "--keys", folder / "keys"]
        else:
            words += ["--listen", f"ipc://{folder}/socket"]
        self.log = folder / "coordinator.log"
        self.coordinator = self.start([self.tare, *words], self.log)
        while not (folder / "address").exists():
            if self.coordinator.poll() is not None:
                raise SystemExit(self.log.read_text())
            time.sleep(0.02)
        self.endpoint = json.loads((folder / "address").read_text())["coordinator"]

    def __enter__(self) -> "Daemon":
        return self

    def __exit__(self, *_) -> None:
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()

    def start(self, words: list, log: pathlib.Path) -> subprocess.Popen:
        with log.open("wb") as file:
            process = subprocess.Popen([str(word) for word in words], stdout=file, stderr=file, stdin=subprocess.DEVNULL)
        self.processes.append(process)
        return process

    def start_worker(self, number: int, environment: dict | None = None) -> subprocess.Popen:
        words = [self.tare, "worker", "--coordinator", self.endpoint, "--local-rank", number, *self.worker_keys]
        with (self.folder / f"worker-{number}.log").open("wb") as file:
            process = subprocess.Popen([str(word) for word in words], stdout=file, stderr=file, stdin=subprocess.DEVNULL,
                                       env={**os.environ, **(environment or {})})
        self.processes.append(process)
        return process

    def run(self, *words) -> str:
        done = subprocess.run([self.tare, *map(str, words)], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"tare {' '.join(map(str, words))}: {done.stderr}")
        return done.stdout

    def ask(self, *words) -> dict:
        return json.loads(self.run(*words, "--coordinator", self.endpoint, *self.client_keys, "--json"))

    def submit(self, model: pathlib.Path, data: pathlib.Path, *options) -> int:
        return self.ask("submit", model, "--data", data, *options)["id"]

    def until_ended(self, job: int) -> dict:
        while True:
            document = self.ask("status", job)
            if document.get("ended"):
                if document["state"] != "completed":
                    raise SystemExit(f"job {job}: {document['failure']}")
                return document
            time.sleep(0.1)

    def processor_seconds(self) -> float:
        """User and system time of the coordinator so far."""
        fields = pathlib.Path(f"/proc/{self.coordinator.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
