"""Holds the files that start Tare against the executable: python3 scripts/check_deploy_commands.py TARE

1. Every subcommand and option of `tare` that the files and documents below name is one that `tare SUBCOMMAND --help` names.
2. The command lines of the systemd units, the Kubernetes manifests and the compose file are run as plain processes, with their
   folders moved into a temporary one, their addresses onto the loopback, and the units' filter of system calls in force:
   coordinator and worker come up, the probes' paths answer, a calibration that is handed in gives the bytes of one process, SIGHUP and SIGTERM do what the files rely on.

Needs PyYAML. Exit status: 0 in order, 1 something is wrong.
"""

import base64
import ctypes
import hashlib
import os
import pathlib
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
NAMED = ["deploy", "docker", "docs/deployment.md", "docs/operations.md", "docs/security.md", "docs/reliability.md", "README.md",
         "scripts/slurm-test.sh", "scripts/show-durability.sh", "scripts/build-image.sh"]
DIGITS = ROOT / "Examples" / "digits"


class Wrong(Exception):
    pass


# What the executable knows.

def help_of(tare, *words):
    return subprocess.run([tare, *words, "--help"], capture_output=True, text=True, timeout=60, check=True).stdout


def known_options(tare):
    listed = help_of(tare).split("SUBCOMMANDS:")[1].split("\n\n")[0]
    names = re.findall(r"^  ([a-z-]+) ", listed, re.M)
    # Options stand in the tables after the usage line, two columns in; alternatives are written with a slash.
    options = {}
    for name in names:
        tables = help_of(tare, name).split("USAGE:")[1]
        options[name] = {o for line in re.findall(r"^  (-.*)$", tables, re.M) for o in re.findall(r"--[a-z][a-z0-9-]*", line)}
    return options


# What the files say.

def commands(path):
    """Yields (line number, subcommand, options) for each command line of tare in a file."""
    text = path.read_text()
    # A command may go on in the next line; a comment's next line begins with its own mark.
    text = re.sub(r"\\\n(#\s)?", lambda m: " \x01", text)
    line = 1
    for raw in text.split("\n"):
        start = re.compile(r"(?:\btare|\"\$tare\"|\$\{?TARE\}?)\"?(?:,| )\s*([a-z]+)(?=[\s`'\"),.;:]|$)")
        found = [m for m in start.finditer(raw) if not raw[: m.start()].endswith(("-", "."))]
        for i, match in enumerate(found):
            rest = raw[match.end(): found[i + 1].start() if i + 1 < len(found) else len(raw)]
            rest = re.split(r"[`|;]|&&| & |\s#\s", rest)[0]
            yield line, match.group(1), re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", rest)
        line += 1 + raw.count("\x01")
    if path.suffix == ".yaml":
        for argument_list in lists(yaml.safe_load_all(path.read_text())):
            if re.fullmatch(r"[a-z]+", argument_list[0]):
                yield 0, argument_list[0], [w.split("=")[0] for w in argument_list[1:] if w.startswith("--")]


def lists(node):
    """The argument lists of the containers of a YAML file that run the image's own entry point."""
    if isinstance(node, dict):
        for key in ("args", "command"):
            if isinstance(node.get(key), list) and not {"entrypoint"} & node.keys() and "install" not in node[key][0]:
                yield node[key]
    for child in node.values() if isinstance(node, dict) else node if not isinstance(node, str) else []:
        if not isinstance(child, (str, int, float, bool, type(None))):
            yield from lists(child)


def check_options(tare):
    options = known_options(tare)
    files = [p for name in NAMED for p in ([ROOT / name] if (ROOT / name).is_file() else sorted((ROOT / name).rglob("*")))]
    count, wrong = 0, []
    for path in (p for p in files if p.is_file()):
        for line, subcommand, used in commands(path):
            place = f"{path.relative_to(ROOT)}:{line or ''}"
            if subcommand not in options:
                # Prose says things like 'tare itself'; a command line has options or stands in quotation marks.
                if used:
                    wrong.append(f"{place}: there is no 'tare {subcommand}'")
                continue
            count += 1
            wrong += [f"{place}: 'tare {subcommand}' has no {o}" for o in used if o not in options[subcommand]]
    if wrong:
        raise Wrong("\n  ".join(["options that do not exist:", *wrong]))
    return f"{count} command lines name only options that exist"


# The command lines as processes.

def free_port():
    """A port whose next one is free too."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
                return port
            except OSError:
                continue


class Place:
    """A temporary folder with the paths and ports that stand for those of the files."""

    def __init__(self, tare, folder, data):
        self.tare, self.folder, self.data = tare, folder, data
        self.port, self.http = free_port(), free_port()
        self.processes, self.log = [], folder / "log"
        for name in ("state", "keys", "cache"):
            (folder / name).mkdir(mode=0o700)

    def moved(self, word):
        for old, new in (("/etc/tare/keys", self.folder / "keys"), ("/var/lib/tare", self.folder / "state"),
                         ("/srv/tare", self.data), ("/cache", self.folder / "cache"), ("/usr/bin/tare", self.tare)):
            word = word.replace(old, str(new))
        word = re.sub(r"(=|^)/data\b", lambda m: m.group(1) + str(self.data), word)
        word = re.sub(r"tcp://[A-Za-z0-9.%-]+:7788", f"tcp://127.0.0.1:{self.port}", word)
        return re.sub(r"(\d+\.){3}\d+:7780", f"127.0.0.1:{self.http}", word)

    def start(self, words, variables=None, **more):
        words = [self.moved(w) for w in words]
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("TARE_", "SLURM_"))}
        environment |= {k: self.moved(str(v)) for k, v in (variables or {}).items()}
        with open(self.log, "ab") as log:
            process = subprocess.Popen(words, env=environment, stdout=log, stderr=log, **more)
        self.processes.append(process)
        return process

    def run(self, words, variables=None, expected=0):
        process = self.start(words, variables)
        if process.wait(timeout=120) != expected:
            raise Wrong(f"{shlex.join(words)} ended with {process.returncode}, not {expected}")

    def get(self, path, token=None, method="GET"):
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", method=method)
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def wait_for(self, path):
        until(lambda: self.get(path) == 200, f"GET {path} answers 200")

    def calibrate(self, key_folder, coordinator):
        """What a user does in the end: hands a calibration in and fetches the result."""
        keys = ["--key", f"{key_folder}/submitter.secret", "--server-key", f"{key_folder}/coordinator.public"]
        variables = {"TARE_COORDINATOR": coordinator}
        self.run([self.tare, "submit", f"{self.data}/digits.onnx", "--data", f"{self.data}/calibration.npz", *keys, "--wait"],
                 variables)
        output = self.folder / "model.onnx"
        self.run([self.tare, "result", "1", "--output", str(output), *keys], variables)
        return hashlib.sha256(output.read_bytes()).hexdigest()

    def end(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()


def until(condition, what, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Wrong(f"{what}: not within {seconds} s")
        time.sleep(0.1)


def ended(process, expected, what):
    try:
        if process.wait(timeout=60) != expected:
            raise Wrong(f"{what} ends with {process.returncode}, not {expected}")
    except subprocess.TimeoutExpired as error:
        raise Wrong(f"{what} does not end") from error


def unit(path):
    settings = {}
    for line in re.sub(r"\\\n", " ", path.read_text()).splitlines():
        if "=" in line and not line.startswith(("#", "[")):
            key, value = line.split("=", 1)
            settings.setdefault(key, []).append(value)
    return settings


def exec_start(settings, instance, folders):
    variables = dict(pair.split("=", 1) for line in settings["Environment"] for pair in shlex.split(line))
    variables |= folders
    words = shlex.split(settings["ExecStart"][0])
    words = [re.sub(r"\$\{(\w+)\}", lambda m: variables[m.group(1)], w) for w in words]
    return [w.replace("%i", instance) for w in words], {k: v.replace("%i", instance) for k, v in variables.items()}


def allowed_calls(group):
    """The system calls of a group of systemd, its inner groups included."""
    text = subprocess.run(["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True).stdout
    names = [line.strip() for line in text.splitlines()[1:]]
    inner = [allowed_calls(n) for n in names if n.startswith("@")]
    return {n for n in names if re.fullmatch(r"[a-z_0-9]+", n)}.union(*inner)


def filtered(settings):
    """Something to call before exec that filters system calls as the unit would have systemd do it; None without libseccomp."""
    try:
        library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    except OSError:
        print("check-deploy: SKIPPED: the units' filter of system calls (no libseccomp.so.2)", file=sys.stderr)
        return None
    names = set()
    for words in settings["SystemCallFilter"]:
        for group in words.lstrip("~").split():
            calls = allowed_calls(group) if group.startswith("@") else {group}
            names = names - calls if words.startswith("~") else names | calls
    # SCMP_ACT_ALLOW, and SCMP_ACT_KILL_PROCESS or SCMP_ACT_ERRNO(EPERM) for the rest.
    allow, refuse = 0x7FFF0000, 0x00050001 if settings.get("SystemCallErrorNumber") == ["EPERM"] else 0x80000000
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_load.argtypes = [ctypes.c_void_p]
    library.seccomp_rule_add.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint]
    context = library.seccomp_init(ctypes.c_uint32(refuse))
    for name in sorted(names):
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:
            library.seccomp_rule_add(context, allow, number, 0)

    def load():
        if library.seccomp_load(context) != 0:
            os._exit(126)
    return load


def check_systemd(place):
    place.run([place.tare, "keygen", "--directory", str(place.folder / "made")])
    (place.folder / "keys").rmdir()
    (place.folder / "made").rename(place.folder / "keys")
    settings = unit(ROOT / "deploy/systemd/tare-coordinator.service")
    words, variables = exec_start(settings, "", {"STATE_DIRECTORY": "/var/lib/tare"})
    path = place.folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(path))
        notify.settimeout(30)
        seconds = int(settings["WatchdogSec"][0])
        coordinator = place.start(words, variables | {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": seconds * 100_000},
                                  preexec_fn=filtered(settings))
        if b"READY=1" not in notify.recv(4096):
            raise Wrong("the coordinator's first word to systemd is not READY=1")
        for _ in range(2):
            if notify.recv(4096) != b"WATCHDOG=1":
                raise Wrong("the coordinator does not feed the watchdog")
        settings = unit(ROOT / "deploy/systemd/tare-worker@.service")
        words, variables = exec_start(settings, "127.0.0.1", {"CACHE_DIRECTORY": "/cache"})
        worker = place.start(words, variables, preexec_fn=filtered(settings))
        digest = place.calibrate("/etc/tare/keys", "tcp://127.0.0.1:7788")
        coordinator.send_signal(signal.SIGHUP)
        until(lambda: "allow list" in place.log.read_text() or "authorized_keys" in place.log.read_text(), "SIGHUP is heard of")
        worker.terminate()
        ended(worker, int(settings["SuccessExitStatus"][0]), "the worker, after SIGTERM,")
        coordinator.terminate()
        ended(coordinator, 0, "the coordinator, after SIGTERM,")
    return digest


def check_kubernetes(place):
    secrets = subprocess.run([ROOT / "deploy/kubernetes/secrets.sh", place.folder / "made"], capture_output=True, text=True)
    if secrets.returncode != 66:
        raise Wrong("secrets.sh takes a folder that is not there")
    place.run([place.tare, "keygen", "--directory", str(place.folder / "made")])
    secrets = subprocess.run([ROOT / "deploy/kubernetes/secrets.sh", place.folder / "made"], capture_output=True, text=True,
                             check=True).stdout
    contents = {s["metadata"]["name"]: s["data"] for s in yaml.safe_load_all(secrets) if s}
    mounted = place.folder / "secret"
    mounted.mkdir()

    def pod(file, kind):
        return next(d for d in yaml.safe_load_all((ROOT / "deploy/kubernetes" / file).read_text()) if d["kind"] == kind)[
            "spec"]["template"]["spec"]

    started = []
    for file, kind in (("coordinator.yaml", "StatefulSet"), ("workers.yaml", "Job")):
        spec = pod(file, kind)
        name = next(v["secret"]["secretName"] for v in spec["volumes"] if "secret" in v)
        for old in mounted.iterdir():
            old.unlink()
        for key, value in contents[name].items():
            (mounted / key).write_bytes(base64.b64decode(value))
        # Each pod has a folder of its own for its keys.
        keys = place.folder / f"keys-{kind}"
        keys.mkdir(mode=0o700)

        def own(word):
            return word.replace("/etc/tare/keys", str(keys)).replace("/secret", str(mounted))

        place.run([own(w) for w in spec["initContainers"][0]["command"]])
        container = spec["containers"][0]
        variables = {v["name"]: v["value"] for v in container.get("env", []) if "value" in v}
        started.append(place.start(["/usr/bin/tare", *(own(w) for w in container["args"])], variables))
        if kind == "StatefulSet":
            probes = {p: container[p]["httpGet"]["path"] for p in ("startupProbe", "livenessProbe", "readinessProbe")}
            for path in probes.values():
                place.wait_for(path)
            coordinator_keys, address = keys, variables["TARE_COORDINATOR"]
            token = (keys / "http_token").read_text().strip()
            # On the loopback reading is open; changes need the token everywhere. There is no job 9.
            answers = [place.get("/api/v1/jobs/9", method="DELETE"), place.get("/api/v1/jobs/9", token, "DELETE"),
                       place.get("/metrics", token)]
            if answers != [401, 404, 200]:
                raise Wrong(f"HTTP answers {answers}, not [401, 404, 200]: no token, a token, a token")
    # As 'kubectl exec tare-coordinator-0' would, with the keys that the pod has.
    digest = place.calibrate(str(coordinator_keys), address)
    coordinator, worker = started
    worker.terminate()
    ended(worker, 75, "the worker's pod, after SIGTERM,")
    coordinator.terminate()
    ended(coordinator, 0, "the coordinator's pod, after SIGTERM,")
    return digest


def check_compose(place):
    services = yaml.safe_load((ROOT / "docker/compose.yaml").read_text())["services"]
    (place.folder / "keys").rmdir()
    keys = services["keys"]
    for _ in range(2):  # the second time they are there already
        place.run([*keys["entrypoint"], place.moved(keys["command"][0])])
    coordinator = place.start(["/usr/bin/tare", *services["coordinator"]["command"]], services["coordinator"]["environment"])
    place.wait_for("/readyz")
    workers = [place.start(["/usr/bin/tare", *services["worker"]["command"]], services["worker"]["environment"])
               for _ in range(services["worker"]["deploy"]["replicas"])]
    digest = place.calibrate("/etc/tare/keys", services["coordinator"]["environment"]["TARE_COORDINATOR"])
    for process in workers:
        process.terminate()
    for process in workers:
        ended(process, 75, "a worker, after SIGTERM,")
    coordinator.terminate()
    ended(coordinator, 0, "the coordinator, after SIGTERM,")
    return digest


def main():
    tare = str(pathlib.Path(sys.argv[1]).resolve())
    failed = False
    try:
        print("check-deploy:", check_options(tare))
    except Wrong as wrong:
        print("check-deploy: FAILED:", wrong, file=sys.stderr)
        failed = True
    with tempfile.TemporaryDirectory(prefix="tare-check-") as folder:
        reference = pathlib.Path(folder) / "reference.onnx"
        subprocess.run([tare, "calibrate", DIGITS / "digits.onnx", "--data", DIGITS / "calibration.npz", "--workers", "1",
                        "--output", reference], capture_output=True, check=True, timeout=300)
        expected = hashlib.sha256(reference.read_bytes()).hexdigest()
        for name, check in (("systemd", check_systemd), ("kubernetes", check_kubernetes), ("compose", check_compose)):
            inner = pathlib.Path(folder) / name
            inner.mkdir()
            place = Place(tare, inner, DIGITS)
            try:
                digest = check(place)
                if digest != expected:
                    raise Wrong(f"the model is {digest}, not {expected}")
                print(f"check-deploy: {name}: its command lines run; model sha256 {digest}")
            except (Wrong, OSError, subprocess.SubprocessError) as wrong:
                failed = True
                print(f"check-deploy: FAILED: {name}: {wrong}", file=sys.stderr)
                print("".join(f"  | {line}\n" for line in place.log.read_text().splitlines()[-30:]), file=sys.stderr)
            finally:
                place.end()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
