"""A worker with a twentieth of the speed: a second attempt bounds the tail."""

import os
import signal
import statistics
import threading
import time

import data
from cluster import Cluster
from processes import Failure, Process


class Brake:
    """Lets a process run 5 % of the time."""

    def __init__(self, process: Process):
        self.process, self.is_on = process, True
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        while self.is_on and self.process.is_running:
            os.kill(self.process.pid, signal.SIGSTOP)
            time.sleep(0.095)
            os.kill(self.process.pid, signal.SIGCONT)
            time.sleep(0.005)

    def release(self) -> None:
        self.is_on = False
        self.thread.join()
        self.process.signal(signal.SIGCONT)


def run(world) -> str:
    # Shards of 512 samples take long enough for their times to mean something.
    options = ["--batch-size", "4", "--shard-batches", "8" if world.short else "64", "--observer", "ema"]
    rounds = 1 if world.short else 5
    reference = data.reference(world.tare, world.model, world.long_images, options, world.folder)
    tails, medians, second = [], [], 0
    for _ in range(rounds):
        with Cluster(world, world.long_images) as cluster:
            cluster.start_coordinator()
            slow = cluster.start_worker()
            brake = None
            try:
                warm = cluster.submit(*options)
                cluster.wait_for(warm)
                brake = Brake(slow)
                cluster.start_worker()
                cluster.until(lambda: cluster.metric("tare_workers") == 2, 60, "two workers")
                job = cluster.submit(*options)
                moments: list[float] = []
                begun = time.monotonic()
                while not cluster.job(job).get("ended"):
                    done = cluster.counted(job)
                    moments += [time.monotonic() - begun] * (done - len(moments))
                    if time.monotonic() - begun > 300:
                        raise Failure("one slow worker holds up the job")
                    time.sleep(0.01)
                total = cluster.job(job)["shardsTotal"]
                moments += [time.monotonic() - begun] * (total - len(moments))
                cluster.expect(job, reference, "a job with a slow worker")
                gaps = [after - before for before, after in zip(moments, moments[1:])]
                medians.append(statistics.median(gaps))
                tails.append(moments[-1] - moments[-2])
                second += cluster.occurrences("gets a second worker")
            finally:
                if brake:
                    brake.release()
    ratio = statistics.median(tails) / statistics.median(medians)
    if not second:
        raise Failure("no second attempt was begun")
    return (f"{rounds} jobs with a worker at 5 % speed: {second} second attempts; the last shard came {statistics.median(tails):.2f} s "
            f"after the one before, a median shard takes {statistics.median(medians):.2f} s ({ratio:.1f} times); identical")
