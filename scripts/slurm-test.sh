#!/bin/bash
# Runs deploy/slurm/tare.sbatch under a real Slurm: slurmctld, four slurmd and munged on this machine, from Debian's
# packages (slurm-wlm, munge), with everything in a temporary folder and on the loopback. Eight tasks on four nodes
# calibrate the bundled digits model; a task is killed, slurmctld is restarted, the job is requeued; each time the model
# must have the bytes that 'tare calibrate' makes with one process. Everything is taken down again by process id.
#
#   scripts/slurm-test.sh [path of tare]        needs root, since slurmd starts tasks for users
#
# KEEP=1 leaves the folder with all logs. Exit status: 0 passed, 1 failed, 77 skipped because something is missing.
set -u
cd "$(dirname "$0")/.." || exit 1
root=$PWD
tare=$(realpath "${1:-.build-release/release/tare}")

skip() { echo "slurm-test: SKIPPED: $1" >&2; exit 77; }
[ "$(id -u)" -eq 0 ] || skip "needs root"
for program in slurmctld slurmd sbatch srun scontrol squeue munged runuser python3; do
    command -v $program >/dev/null || skip "no $program; install Debian's slurm-wlm and munge"
done
[ -x "$tare" ] || skip "no $tare; run 'make build' first or name the executable"

directory=$(mktemp -d /tmp/tare-slurm-XXXXXX)
chmod 755 "$directory"
export SLURM_CONF=$directory/slurm.conf
failures=0
began=$SECONDS

take_down() {
    local file pids=""
    scancel --quiet --user root 2>/dev/null
    for file in "$directory"/slurmd.*.pid "$directory/slurmctld.pid" "$directory/munge/pid"; do
        [ -s "$file" ] && pids="$pids $(cat "$file")"
    done
    # Steps of a job that is being ended leave first, so that no task stays without its slurmd.
    [ -z "${coordinator:-}" ] || kill "$coordinator" 2>/dev/null
    for _ in $(seq 50); do [ -n "$(pids_of_tasks)" ] || break; sleep 0.2; done
    # shellcheck disable=SC2046,SC2086  # one word for each process
    kill $(pids_of_tasks) $pids 2>/dev/null
    # shellcheck disable=SC2086
    for _ in $(seq 50); do kill -0 $pids 2>/dev/null || break; sleep 0.2; done
    # shellcheck disable=SC2046,SC2086
    kill -KILL $pids $(pids_of_tasks) 2>/dev/null
    if [ -n "${KEEP:-}" ]; then echo "slurm-test: everything is in $directory"; else rm -rf "$directory"; fi
}
trap take_down EXIT
trap 'exit 1' INT TERM

# The processes whose environment names this test: tasks and batch scripts, not the daemons.
pids_of_tasks() {
    grep -lzx "TARE_TEST_CLUSTER=$directory" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3 | grep -vx $$
}

# The process of a worker, by its rank.
pid_of_rank() {
    local pid
    for pid in $(pids_of_tasks); do
        if grep -qzx "SLURM_PROCID=$1" "/proc/$pid/environ" 2>/dev/null \
            && grep -qzx worker "/proc/$pid/cmdline" 2>/dev/null && ! grep -qzx srun "/proc/$pid/cmdline" 2>/dev/null; then
            echo "$pid"
            return
        fi
    done
}

wait_until() {
    local what=$1 seconds=$2
    shift 2
    local end=$((SECONDS + seconds))
    while [ $SECONDS -le $end ]; do "$@" && return 0; sleep 0.2; done
    echo "slurm-test: FAILED: $what did not happen within $seconds s" >&2
    failures=$((failures + 1))
    return 1
}

check() {
    if [ "$2" = "$3" ]; then echo "  ok: $1"; else
        echo "  FAILED: $1: expected '$3', got '$2'" >&2
        failures=$((failures + 1))
    fi
}

state_of() { scontrol show job "$1" -o 2>/dev/null | grep -oE 'JobState=[A-Z]+' | cut -d= -f2; }
ended() { case $(state_of "$1") in COMPLETED | FAILED | CANCELLED | TIMEOUT | NODE_FAIL) return 0 ;; esac; return 1; }
running_workers() { [ -n "$(pid_of_rank 7)" ] && [ -n "$(pid_of_rank 0)" ]; }
nodes_idle() { [ "$(sinfo --noheader --format '%T %D' 2>/dev/null)" = "idle 4" ]; }
controller_answers() { scontrol ping 2>/dev/null | grep -q UP; }
restarted() { scontrol show job "$1" -o 2>/dev/null | grep -q 'Restarts=1'; }

# Slurm waits two minutes before it starts a job again, unless it is asked not to.
starts_again() {
    case $(state_of "$1") in RUNNING | COMPLETED) return 0 ;; esac
    scontrol update jobid="$1" starttime=now 2>/dev/null
    return 1
}

start_cluster() {
    sed -e "s|%HOST%|$(hostname -s)|g" -e "s|%DIRECTORY%|$directory|g" scripts/slurm-test.conf >"$SLURM_CONF"
    mkdir -p "$directory/munge" "$directory/state"
    dd if=/dev/urandom bs=1 count=1024 of="$directory/munge/key" 2>/dev/null
    chmod 400 "$directory/munge/key"
    chown -R munge: "$directory/munge"
    runuser -u munge -- munged --socket="$directory/munge/socket" --key-file="$directory/munge/key" \
        --pid-file="$directory/munge/pid" --log-file="$directory/munge/log" --seed-file="$directory/munge/seed" || return 1
    slurmctld -f "$SLURM_CONF" || return 1
    for node in n0 n1 n2 n3; do slurmd -f "$SLURM_CONF" -N $node || return 1; done
    wait_until "four idle nodes" 30 nodes_idle
}

# Submits the job with a name; its number goes to $job.
submit() {
    job=$(env TARE="$tare" TARE_RUN="$directory/$1" TARE_LISTEN=tcp://127.0.0.1:17788 \
        TARE_KEYS="$directory/keys" TARE_TEST_CLUSTER="$directory" \
        sbatch --parsable --chdir "$directory" --output "$directory/$1.log" --nodes 4 --ntasks-per-node 2 \
        "$root/deploy/slurm/tare.sbatch" "$root/Examples/digits/digits.onnx" --data "$directory/images.npz" \
        --output "$directory/$1.onnx" --statistics "$directory/$1.safetensors") || exit 1
    echo "job $job: $1"
}

# Waits for the end of $job and compares its model with the reference.
conclude() {
    wait_until "the end of job $job" 300 ended "$job"
    check "job $job ends well" "$(state_of "$job")" COMPLETED
    check "the model of job $job is that of one process" \
        "$(sha256sum <"$directory/$1.onnx" 2>/dev/null)" "$reference"
    check "and so are its statistics" "$(sha256sum <"$directory/$1.safetensors" 2>/dev/null)" "$statistics"
    check "its address file is gone" "$(ls "$directory/$1" 2>/dev/null)" ""
    [ $failures -eq 0 ] || sed 's/^/    | /' "$directory/$1.log" | tail -n 60
}

echo "slurm-test: $(slurmctld -V) in $directory"
python3 - Examples/digits/calibration.npz "$directory/images.npz" "${COPIES:-160}" <<'PYTHON' || exit 1
"""Repeats the images of an archive, so that a job lasts long enough to be disturbed."""
import ast, sys, zipfile
source, target, copies = sys.argv[1], sys.argv[2], int(sys.argv[3])
npy = zipfile.ZipFile(source).read("image.npy")
length = int.from_bytes(npy[8:10], "little")
header = ast.literal_eval(npy[10:10 + length].decode())
header["shape"] = (header["shape"][0] * copies,) + header["shape"][1:]
text = repr(header).encode()
text += b" " * (-(10 + len(text) + 1) % 64) + b"\n"
with zipfile.ZipFile(target, "w") as archive:
    archive.writestr("image.npy", npy[:8] + len(text).to_bytes(2, "little") + text + npy[10 + length:] * copies)
PYTHON
"$tare" calibrate Examples/digits/digits.onnx --data "$directory/images.npz" --workers 1 \
    --output "$directory/reference.onnx" --statistics "$directory/reference.safetensors" \
    2>"$directory/reference.log" || { cat "$directory/reference.log" >&2; exit 1; }
reference=$(sha256sum <"$directory/reference.onnx")
statistics=$(sha256sum <"$directory/reference.safetensors")
echo "reference of one process: model ${reference%% *}, statistics ${statistics%% *}"
"$tare" keygen --directory "$directory/keys" 2>/dev/null || exit 1
start_cluster || { tail "$directory"/*.log "$directory/munge/log" >&2; exit 1; }

submit undisturbed
conclude undisturbed
check "eight tasks joined" "$(grep -cE '^[0-7]: tare: rank [0-7] of 8, local rank [01] of 2, ' "$directory/undisturbed.log")" 8

submit killed-task
wait_until "eight running workers" 60 running_workers && sleep 1
victim=$(pid_of_rank 5)
kill -KILL "$victim" && echo "  killed the worker of rank 5 (process $victim)"
conclude killed-task

submit restarted-controller
wait_until "eight running workers" 60 running_workers && sleep 1
controller=$(cat "$directory/slurmctld.pid")
kill "$controller" && wait_until "the end of slurmctld" 30 eval '! kill -0 '"$controller"' 2>/dev/null'
slurmctld -f "$SLURM_CONF" && wait_until "an answer of slurmctld" 30 controller_answers && echo "  restarted slurmctld"
conclude restarted-controller

submit requeued
wait_until "eight running workers" 60 running_workers && sleep 1
scontrol requeue "$job" && echo "  requeued"
wait_until "the requeue of job $job" 60 restarted "$job"
wait_until "the second start of job $job" 180 starts_again "$job"
conclude requeued
check "the second start knows that it is one" "$(grep -c ', start 2,' "$directory/requeued.log")" 1

submit drained
wait_until "eight running workers" 60 running_workers && sleep 1
scancel --batch --signal TERM "$job" && echo "  told the batch script that its time is up"
wait_until "the requeue of job $job" 60 restarted "$job"
wait_until "the second start of job $job" 180 starts_again "$job"
conclude drained
check "the workers left with status 75" "$(grep -c 'round 1 left with status 75' "$directory/drained.log")" 1

# The recipe of docs/deployment.md without a batch job: the coordinator is no part of the job.
echo "interactive: the coordinator outside, workers and doctors by srun"
interactive=$directory/interactive
"$tare" coordinator Examples/digits/digits.onnx --data "$directory/images.npz" --listen tcp://127.0.0.1:17798 --keys "$directory/keys" \
    --address-file "$interactive.json" --output "$interactive.onnx" --statistics "$interactive.safetensors" \
    2>"$interactive.log" &
coordinator=$!
cd "$directory" || exit 1
TARE_TEST_CLUSTER=$directory srun --nodes 4 --ntasks-per-node 1 --label \
    "$tare" doctor --timeout 60 --address-file "$interactive.json" --key "$directory/keys/worker.secret" >"$interactive.doctors" 2>&1
check "four doctors find nothing wrong" "$? $(grep -c 'protocol *ok: version' "$interactive.doctors")" "0 4"
TARE_TEST_CLUSTER=$directory srun --nodes 4 --ntasks-per-node 2 --no-kill --kill-on-bad-exit=0 --wait=0 --label \
    "$tare" worker --address-file "$interactive.json" --key "$directory/keys/worker.secret" >"$interactive.workers" 2>&1
check "srun ends well" $? 0
wait $coordinator
check "the coordinator ends well" $? 0
check "its model is that of one process" "$(sha256sum <"$interactive.onnx")" "$reference"
check "and so are its statistics" "$(sha256sum <"$interactive.safetensors")" "$statistics"

if [ $failures -eq 0 ]; then echo "slurm-test: passed in $((SECONDS - began)) s"; else
    echo "slurm-test: $failures checks FAILED" >&2
    exit 1
fi
