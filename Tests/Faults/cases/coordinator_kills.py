"""SIGKILL of the coordinator at every failpoint: nothing that was acknowledged is lost or computed again.

A point is armed with TARE_FAILPOINT=NAME:COUNT. The scenario does what reaches it: a start with work left over, a
submission, the counting of shards, a cancellation, the end of a job, a lying worker.
"""

import json
import os
import time

from cluster import Cluster
from liar import Liar, wrong_statistics
from processes import Failure, Process, parallel, until

COUNTED = "SELECT job, shard, attempt FROM shards"
SHORT_POINTS = ["submit-after:1", "commit-during:3", "blob-before-rename:4", "finalize-before:1"]


def points(world) -> list[str]:
    """The failpoints of this build, from the message about one that there is not."""
    with Cluster(world) as cluster:
        coordinator = cluster.start_coordinator({"TARE_FAILPOINT": "none:1"})
        coordinator.wait()
        return [name.strip(" .\n") for name in coordinator.text().rsplit("one of ", 1)[-1].split(",")]


def plan(names: list[str]) -> list[str]:
    """Each point at the first time that a scenario comes to it, and the frequent ones at later times too."""
    later = {"commit": (2, 7, 16), "blob": (4, 12, 25)}
    return [f"{name}:{count}" for name in names for count in (1, *later.get(name.split("-")[0], ()))]


class Trial:
    """One death and what comes after it."""

    def __init__(self, world, cluster: Cluster, armed: str):
        self.world, self.cluster, self.armed = world, cluster, armed
        self.environment = {"TARE_FAILPOINT": armed}
        self.acknowledged: dict[int, str] = {}
        self.submission: Process | None = None
        self.cancellation: Process | None = None

    def is_dead(self) -> bool:
        return not self.cluster.coordinator.is_running

    def submit(self, *options: str) -> None:
        """Hands the job in and does not wait for the answer: whoever answers in the end, it is one job."""
        cluster = self.cluster
        words = [cluster.tare, "submit", cluster.model, "--data", cluster.images, "--json", *self.world.options, *options]
        self.submission = Process("submit", [*words, *cluster.access("submitter")], cluster.folder)

    def submitted(self) -> int:
        """The number of the only job that is to be completed."""
        if self.submission.wait(120) != 0:
            raise Failure("tare submit: " + self.submission.text()[-300:])
        jobs = json.loads(self.cluster.fetch("/api/v1/jobs"))["items"]
        wanted = [job["id"] for job in jobs if job["state"] != "cancelled"]
        if len(wanted) != 1:
            raise Failure(f"failpoint {self.armed}: one submission became {len(wanted)} jobs")
        return wanted[0]

    def note_counted(self, job: int) -> None:
        """Remembers the shards that clients were told are counted."""
        self.acknowledged.update({shard["index"]: shard["sha256"] for shard in self.cluster.shards(job)
                                  if shard["state"] == "committed" and "sha256" in shard})

    def start_armed(self) -> None:
        """A start with half a job left over, and with the failpoint."""
        cluster = self.cluster
        cluster.start_coordinator()
        cluster.start_worker()
        self.submit()
        until(lambda: cluster.counted(1) >= 2, 60, "two counted shards")
        self.note_counted(1)
        cluster.coordinator.kill()
        cluster.start_coordinator(self.environment)
        until(lambda: self.is_dead() or cluster.job(1).get("ended"), 60, "death or the end")

    def compute_armed(self) -> None:
        """A job from submission to its end, with the failpoint from the start."""
        cluster = self.cluster
        cluster.start_coordinator(self.environment)
        cluster.start_worker()
        self.submit()
        while not self.is_dead() and not cluster.job(1).get("ended"):
            self.note_counted(1)
            time.sleep(0.02)

    def cancel_armed(self) -> None:
        """A cancellation, with the failpoint from the start; the job that matters comes after it."""
        cluster = self.cluster
        cluster.start_coordinator(self.environment)
        victim = cluster.submit(*self.world.options)
        words = [cluster.tare, "cancel", victim, *cluster.access("submitter")]
        self.cancellation = Process("cancel", words, cluster.folder)
        until(lambda: self.is_dead() or not self.cancellation.is_running, 60, "death or the cancellation")
        self.submit()

    def reset_armed(self) -> None:
        """A job that starts over because a device of it computed wrongly: three nodes, of which one lies, and an audit."""
        cluster = self.cluster
        cluster.start_coordinator(self.environment)
        liar = Liar(cluster, *self.world.lie)
        try:
            self.submit("--audit", "100")
            until(lambda: cluster.job(1), 60, "the job")
            liar.start()
            until(lambda: liar.has_lied, 60, "the lie")
            for node in ("one", "two"):
                cluster.start_worker(before=["unshare", "--uts", "sh", "-c", f'hostname {node}; exec "$@"', "sh"])
            until(lambda: self.is_dead() or cluster.job(1).get("ended"), 90, "death or the end")
        finally:
            liar.stop()

    def run(self) -> tuple[bool, float]:
        """Whether the point was reached, and after how long the next coordinator's workers counted a shard again."""
        cluster, point = self.cluster, self.armed.split("-")[0]
        scenario = {"epoch": self.start_armed, "checkpoint": self.start_armed, "decision": self.cancel_armed,
                    "reset": self.reset_armed}
        scenario.get(point, self.compute_armed)()
        died = self.is_dead()
        if not died:
            cluster.coordinator.kill()
        durable = cluster.rows(COUNTED)
        begun = time.monotonic()
        cluster.start_coordinator()
        if self.cancellation:
            status, text = self.cancellation.wait(120), self.cancellation.text()
            # A coordinator that has forgotten the request, but not the cancellation, says that nothing is left to do.
            if (status != 0 and "cancelled already" not in text) or cluster.job(1)["state"] != "cancelled":
                raise Failure(f"failpoint {self.armed}: job 1 is {cluster.job(1)['state']}: {text[-200:]}")
        if not cluster.workers:
            cluster.start_worker()
        job = self.submitted()
        total = cluster.job(job)["shardsTotal"]
        until(lambda: cluster.metric("tare_shard_commits_total", result="accepted") > 0 or cluster.job(job).get("ended"),
              60, "the first shard after the restart")
        back = time.monotonic() - begun
        cluster.wait_for(job)
        cluster.expect(job, self.world.reference, f"failpoint {self.armed}")
        counted = cluster.metric("tare_shard_commits_total", result="accepted")
        cluster.coordinator.kill()
        kept = {row for row in durable if row[0] == job}
        if not kept <= cluster.rows(COUNTED) and point != "reset":
            raise Failure(f"failpoint {self.armed}: shards that were durable were counted again")
        if forgotten := self.acknowledged.keys() - {shard for _, shard, _ in kept}:
            raise Failure(f"failpoint {self.armed}: shards {sorted(forgotten)} were acknowledged and not durable")
        if counted != total - len(kept) and point != "reset":  # A job that starts over forgets on purpose.
            raise Failure(f"failpoint {self.armed}: {len(kept)} of {total} shards were durable, {counted:.0f} were counted")
        return died, back


def run(world) -> str:
    names = points(world)
    can_lie = not world.short and os.geteuid() == 0  # It takes nodes of different names.
    if can_lie:
        world.lie = wrong_statistics(world)
    armed = SHORT_POINTS if world.short else plan([name for name in names if can_lie or not name.startswith("reset")])

    def attempt(one: str) -> tuple[str, bool, float]:
        with Cluster(world) as cluster:
            return one, *Trial(world, cluster, one).run()

    results = parallel(attempt, armed, 4 if world.short else 3)
    reached = {one.split(":")[0] for one, died, _ in results if died}
    missed = [name for name in names if name not in reached]
    deaths = [back for _, died, back in results if died]
    if not deaths:
        raise Failure("no failpoint was reached")
    never = f"; not reached here: {', '.join(missed)}" if missed and not world.short else ""
    return (f"{len(deaths)} deaths at {len(reached)} of {len(names)} failpoints: no acknowledged shard again, identical; "
            f"counting again after {sorted(deaths)[len(deaths) // 2]:.1f} s (median, {max(deaths):.1f} s at most){never}")
