"""A data file that is missing, changed, cut short or cannot be read during a job: named, never silently left out."""

import pathlib
import shutil

from cluster import Cluster
from processes import Failure


def spoil_missing(path: pathlib.Path) -> None:
    path.unlink()


def spoil_changed(path: pathlib.Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\x7f\x00\x80\x3f" * 64)


def spoil_cut(path: pathlib.Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def spoil_replaced(path: pathlib.Path) -> None:
    path.unlink()
    path.mkdir()


FAULTS = {"missing": spoil_missing, "changed": spoil_changed, "cut short": spoil_cut, "a folder": spoil_replaced}


def spoil(world, name: str, moment: str, delivery: str) -> str:
    """What happens to a job whose data are spoilt before any worker reads them, or while it runs."""
    root = world.folder / "spoilt"
    root.mkdir(exist_ok=True)
    path = root / "images.npy"
    shutil.copy2(world.long_images, path)
    try:
        with Cluster(world, path, ["--lease", "2"]) as cluster:
            cluster.start_coordinator()
            if moment == "during":
                cluster.start_worker()
            job = cluster.submit("--data-delivery", delivery, *world.long_options)
            if moment == "during":
                cluster.wait_for_shards(job, 2)
            FAULTS[name](path)
            cluster.start_worker()  # It reads the file as it is now.
            what = f"data that are {name} ({moment}, {delivery})"
            cluster.until(lambda: cluster.job(job).get("ended") or "images.npy" in cluster.coordinator.text(), 60, what)
            outcome = "not needed"
            if not cluster.job(job).get("ended"):
                # Only this machine's data are wrong, as far as anybody knows: the job may wait for workers with the right ones.
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
                shutil.copy2(world.long_images, path)
                cluster.start_worker()
                outcome = "waited"
            cluster.until(lambda: cluster.job(job).get("ended"), 120, f"the end of a job: {what}")
            found = cluster.job(job)
            if found["state"] == "failed":
                if "images.npy" not in str(found["failure"]):
                    raise Failure(f"{what} are not named: {found['failure']}")
                return "failed"
            # Whoever had the file open, or in memory, may finish, with the right result.
            cluster.expect(job, world.long_reference, what)
            return outcome
    finally:
        shutil.rmtree(root)


def run(world) -> str:
    names = ["missing"] if world.short else list(FAULTS)
    outcomes = []
    for name in names:
        for delivery in ("shared", "stream"):
            for moment in ("before", "during"):
                outcomes.append(spoil(world, name, moment, delivery))
    count = {outcome: outcomes.count(outcome) for outcome in ("failed", "waited", "not needed")}
    if not count["failed"] + count["waited"]:
        raise Failure("no fault was noticed")
    return (f"{len(outcomes)} jobs with data missing, changed, cut or replaced: {count['failed']} failed and named the file, "
            f"{count['waited']} named it and went on with a worker that has the right one, {count['not needed']} had read it before; "
            f"never left out, identical")
