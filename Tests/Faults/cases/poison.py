"""A sample that crashes or bloats every worker that opens it: bisection names it, and blames nobody else."""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess

import data
from cluster import Cluster
from processes import Failure, Skipped

SAMPLE = 37
OPTIONS = ["--batch-size", "4", "--shard-batches", "2", "--observer", "ema"]


def library(world) -> pathlib.Path:
    """The code that is loaded into workers (poison.c), compiled."""
    compiler = shutil.which("cc") or shutil.which("clang") or shutil.which("gcc")
    if not compiler:
        raise Skipped("needs a C compiler")
    path = world.folder / "poison.so"
    source = pathlib.Path(__file__).parents[1] / "poison.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", path, source, "-ldl"], check=True)
    return path


@contextlib.contextmanager
def memory_limit(megabytes: int):
    """Words that start a process in a memory cgroup of its own kind (version 1), whose limit the kernel enforces."""
    group = pathlib.Path(f"/sys/fs/cgroup/memory/tare-faults-{os.getpid()}")
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(megabytes << 20))
    except OSError as error:
        raise Skipped(f"needs the memory cgroup of version 1: {error}") from None
    try:
        yield ["sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$@"', "sh"]
    finally:
        with contextlib.suppress(OSError):
            group.rmdir()


def infect(world, kind: str, workers: int, policy: str, before: list, shared: dict) -> dict:
    """Runs a job whose sample SAMPLE does what `kind` says to its worker; lost workers are replaced at once."""
    environment = {**shared["environment"], "FAULT_KIND": kind}
    with Cluster(world, shared["pictures"], ["--lease", "2"]) as cluster:
        cluster.start_coordinator()
        fleet = [cluster.start_worker(before=before, environment=environment) for _ in range(workers)]
        job = cluster.submit("--preprocess", str(shared["preprocess"]), "--on-poison", policy, *OPTIONS)
        losses = 0

        def replace() -> bool:
            nonlocal losses
            for worker in list(fleet):
                if not worker.is_running:
                    worker.wait()
                    losses += 1
                    fleet.remove(worker)
                    fleet.append(cluster.start_worker(before=before, environment=environment))
            return bool(cluster.job(job).get("ended"))

        cluster.until(replace, 300, f"the end of a job with a sample that makes workers {kind}")
        result = cluster.job(job)
        suspected = {line.split("shard ")[1].split(" ")[0] for line in cluster.coordinator.text().splitlines()
                     if "its parts are tried alone" in line}
        if suspected != {str(SAMPLE // 8)}:
            raise Failure(f"{kind}: shards {sorted(suspected)} were suspected, the sample lies in shard {SAMPLE // 8}")
        result["losses"] = losses or cluster.occurrences("goes to another worker")
        if policy == "skip":
            cluster.wait_for(job)
            result["digests"] = cluster.digests(job)
            cluster.ask("result", job, "--output", cluster.folder / "model.onnx")
            result["manifest"] = (cluster.folder / "model.manifest.json").read_text()
        return result


def openings(world, shared: dict) -> int:
    """How often a healthy worker opens the sample's file; the last time is to compute it."""
    log = world.folder / "openings"
    with Cluster(world, shared["pictures"]) as cluster:
        cluster.start_coordinator()
        cluster.start_worker(environment={**shared["environment"], "FAULT_KIND": "count", "FAULT_LOG": str(log)})
        cluster.wait_for(cluster.submit("--preprocess", str(shared["preprocess"]), *OPTIONS))
    return log.stat().st_size


def run(world) -> str:
    environment = {"LD_PRELOAD": str(library(world)), "FAULT_FILE": f"{SAMPLE:04}.png"}
    shared = {"environment": environment, "pictures": world.folder / "pictures", "preprocess": world.folder / "gray.yaml"}
    data.write_pictures(shared["pictures"], 96)
    shared["preprocess"].write_text("channels: gray\nscale: 0.00392156862745098\n")
    environment["FAULT_TIMES"] = str(openings(world, shared))
    failed = infect(world, "crash", 2, "fail", [], shared)
    if failed["state"] != "failed" or f"sample {SAMPLE}" not in str(failed["failure"]).lower():
        raise Failure(f"the sample is not named: {failed['state']}, {failed.get('failure')}")
    skips = {"crash, 3 workers": infect(world, "crash", 3, "skip", [], shared)}
    skips["crash, 1 worker"] = infect(world, "crash", 1, "skip", [], shared)
    with contextlib.suppress(Skipped) if not world.short else contextlib.nullcontext(), memory_limit(400) as before:
        skips["out of memory"] = infect(world, "memory", 2, "skip", before, shared)
    if len({one["digests"] for one in skips.values()}) != 1:
        raise Failure(f"the way of dying shows in the result: {[one['digests'] for one in skips.values()]}")
    for name, one in skips.items():
        if [sample["sample"] if isinstance(sample, dict) else sample for sample in one["poisonedSamples"]] != [SAMPLE]:
            raise Failure(f"{name}: other samples were left out: {one['poisonedSamples']}")
        skipped = json.loads(one["manifest"])["data"]["skipped"]
        if [entry["sample"] for entry in skipped] != [f"sample {SAMPLE}"]:
            raise Failure(f"{name}: the manifest lists other samples: {skipped}")
    losses = [failed["losses"], *(one["losses"] for one in skips.values())]
    if max(losses) > 3 + 3 + 2:
        raise Failure(f"{losses} workers were lost for one sample in shards of 8")
    ways = ", ".join(f"{name}: {one['losses']} lost" for name, one in skips.items())
    return (f"sample {SAMPLE} of 96 named after {failed['losses']} lost workers, or left out and listed ({ways}); no other shard "
            f"suspected; the {len(skips)} results identical")
