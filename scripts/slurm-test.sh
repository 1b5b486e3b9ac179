#!/bin/bash
# Runs deploy/slurm/tare.sbatch under a real Slurm: slurmctld, four slurmd and munged on this machine, from Debian's
# packages (slurm-wlm, munge), with everything in a temporary folder and on the loopback. Eight tasks on four nodes
# calibrate the bundled digits model; a worker, a whole task, the coordinator and a node are killed, slurmctld is restarted, the
# job is requeued, preempted and drained; each time the model must have the bytes that 'tare calibrate' makes with one process, and no shard
# that was acknowledged may be computed again. Everything is taken down again by process id.
#
#   scripts/slurm-test.sh [path of tare]        needs root, since slurmd starts tasks for users
#
# KEEP=1 leaves the folder with all logs; COPIES is the length of the jobs in copies of the bundled data. Exit status: 0 passed,
# 1 failed, 77 skipped because something is missing.
set -u
cd "$(dirname "$0")/.." || exit 1
root=$PWD
tare=$(realpath "${1:-.build-release/release/tare}")

skip() { echo "slurm-test: SKIPPED: $1" >&2; exit 77; }
[ "$(id -u)" -eq 0 ] || skip "needs root"
for program in slurmctld slurmd sbatch srun scontrol squeue munged runuser python3 curl; do
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

# The processes of Tare in the cluster that have an argument (worker, coordinator) and a value in their environment.
processes() {
    local pid
    for pid in $(pids_of_tasks); do
        if [ "$(readlink "/proc/$pid/exe")" = "$tare" ] && grep -qzx "$1" "/proc/$pid/cmdline" 2>/dev/null \
            && grep -qzx "$2" "/proc/$pid/environ" 2>/dev/null; then
            echo "$pid"
        fi
    done
}
# The tasks of a node: their shells and workers.
tasks_of_node() {
    local pid
    for pid in $(pids_of_tasks); do
        if grep -qzx "SLURMD_NODENAME=$1" "/proc/$pid/environ" 2>/dev/null && grep -qz "^SLURM_LOCALID=" "/proc/$pid/environ"; then
            echo "$pid"
        fi
    done
}
pid_of_rank() { processes worker "SLURM_PROCID=$1" | head -n 1; }

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

digest() { [ ! -e "$1" ] || sha256sum <"$1"; }
state_of() { scontrol show job "$1" -o 2>/dev/null | grep -oE 'JobState=[A-Z_]+' | cut -d= -f2; }
ended() { case $(state_of "$1") in COMPLETED | FAILED | CANCELLED | TIMEOUT | NODE_FAIL) return 0 ;; esac; return 1; }
nodes_idle() { [ "$(sinfo --partition debug --noheader --format '%T %D' 2>/dev/null)" = "idle 4" ]; }
controller_answers() { scontrol ping 2>/dev/null | grep -q UP; }
restarted() { scontrol show job "$1" -o 2>/dev/null | grep -q 'Restarts=1'; }

# Slurm waits two minutes before it starts a job again, unless it is asked not to; what it is asked to start within the second
# in which it ended it fails, "Job credential revoked".
starts_again() {
    case $(state_of "$1") in RUNNING | COMPLETED | FAILED) return 0 ;; esac
    sleep 3
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
    name=$1
    job=$(env TARE="$tare" TARE_RUN="$directory/$name" TARE_LISTEN=tcp://127.0.0.1:17788 TARE_HTTP=127.0.0.1:17780 \
        TARE_TEST_CLUSTER="$directory" \
        sbatch --parsable --chdir "$directory" --output "$directory/$name.log" --nodes 4 --ntasks-per-node 2 \
        "$root/deploy/slurm/tare.sbatch" "$root/Examples/digits/digits.onnx" --data "$directory/images.npz" "${plan[@]}" \
        --output "$directory/$name.onnx" --statistics="$directory/$name.safetensors") || exit 1
    echo "job $job: $name"
}

metric() { curl --silent --max-time 2 http://127.0.0.1:17780/metrics | sed -n "s/^$1 \([0-9]*\).*/\1/p"; }
# What 'tare shards' shows as committed, out of the coordinator's metrics.
committed() { local n; n=$(metric 'tare_shards{state="committed"}'); [ "${n:-0}" -ge "$1" ]; }
eight_workers() { [ "$(processes worker "TARE_TEST_CLUSTER=$directory" | wc -l)" -eq 8 ]; }
# Until the job is well under way with all its tasks.
under_way() {
    wait_until "eight workers" 60 eight_workers
    wait_until "a tenth of the shards" 60 committed $((shards / 10))
    echo "  disturbed with $(metric 'tare_shards{state="committed"}') of $shards shards on the disk"
}

# Waits for the end of $job and compares its model with the reference.
conclude() {
    local finished=0 latest end=$((SECONDS + 300))
    while ! ended "$job" && [ $SECONDS -le $end ]; do
        latest=$(metric 'tare_shard_attempts_total{outcome="finished"}')
        [ -z "$latest" ] || finished=$latest
        sleep 0.3
    done
    check "job $job ends well" "$(state_of "$job")" COMPLETED
    check "the model of job $job is that of one process" \
        "$(digest "$directory/$name.onnx")" "$reference"
    check "and so are its statistics" "$(digest "$directory/$name.safetensors")" "$statistics"
    check "its address file is gone" "$(ls "$directory/$name/address.json" 2>/dev/null)" ""
    # The coordinator's own record: in which of its lives each shard was computed that counts.
    lives=$(python3 - "$directory/$name/state/state.sqlite" <<'PYTHON'
import sqlite3, sys
rows = sqlite3.connect(sys.argv[1]).execute("select attempt / 4096 + 1, count(*) from shards group by 1 order by 1")
print(" ".join(f"{life}:{count}" for life, count in rows))
PYTHON
    )
    attempts=$finished
    echo "  shards by life of the coordinator: $lives; attempts that the last one saw finish: $attempts"
    [ $failures -eq 0 ] || sed 's/^/    | /' "$directory/$name.log" | tail -n 60
}
# After another start of the coordinator: what the earlier ones acknowledged counts, and only the rest was computed.
kept() {
    local last=${lives##*:}
    check "what was acknowledged before counts" "$([ $((shards - last)) -ge $((shards / 10)) ] && echo yes)" yes
    # The end may lose an acknowledgement on its way: such a worker delivers what it has once more.
    check "only the rest was computed ($last of $shards)" \
        "$([ "$attempts" -ge "$last" ] && [ "$attempts" -le $((last + 8)) ] && echo yes)" yes
}

echo "slurm-test: $(slurmctld -V) in $directory"
python3 - Examples/digits/calibration.npz "$directory/images.npz" "${COPIES:-40}" <<'PYTHON' || exit 1
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
plan=(--shard-batches 8)
shards=$((${COPIES:-40} * 256 / 64))
"$tare" calibrate Examples/digits/digits.onnx --data "$directory/images.npz" "${plan[@]}" --workers 1 \
    --output "$directory/reference.onnx" --statistics "$directory/reference.safetensors" \
    >"$directory/reference.log" 2>&1 || { cat "$directory/reference.log" >&2; exit 1; }
reference=$(sha256sum <"$directory/reference.onnx")
statistics=$(sha256sum <"$directory/reference.safetensors")
echo "reference of one process: model ${reference%% *}, statistics ${statistics%% *}"
start_cluster || { tail "$directory"/*.log "$directory/munge/log" >&2; exit 1; }

submit undisturbed
conclude
check "eight tasks joined" "$(grep -cE '^[0-7]: tare: rank [0-7] of 8, local rank [01] of 2, ' "$directory/$name.log")" 8

# As a user would, except for the loopback: the folder is made where sbatch is called, and goes when the result is there.
by_hand() {
    name=$1
    shift
    job=$(cd "$directory" && env TARE="$tare" TARE_LISTEN=tcp://127.0.0.1:17788 TARE_TEST_CLUSTER="$directory" \
        sbatch --parsable --output "$name.log" --nodes 4 --ntasks-per-node 2 "$root/deploy/slurm/tare.sbatch" "$@") || exit 1
    echo "job $job: $name"
    wait_until "the end of job $job" 120 ended "$job"
}
cp Examples/digits/digits.onnx "$directory/model.onnx"
by_hand defaults model.onnx --data images.npz "${plan[@]}" --output defaults.onnx
check "job $job ends well" "$(state_of "$job")" COMPLETED
check "the model of job $job is that of one process" "$(digest "$directory/defaults.onnx")" "$reference"
check "its folder is gone" "$(ls -d "$directory/tare-$job" 2>/dev/null)" ""

by_hand mistaken model.onnx --data images.npz --observer nonsense --output mistaken.onnx
check "job $job fails with the status of 'tare submit' and is not queued again" \
    "$(scontrol show job "$job" -o | grep -oE 'JobState=[A-Z]+|Restarts=[0-9]+|ExitCode=[0-9:]+' | tr '\n' ' ')" \
    "JobState=FAILED Restarts=0 ExitCode=64:0 "

submit cancelled
under_way
"$tare" cancel 1 --address-file "$directory/cancelled/address.json" --key "$directory/cancelled/keys/submitter.secret"
wait_until "the end of job $job" 120 ended "$job"
check "job $job fails with status 1 and is not queued again" \
    "$(scontrol show job "$job" -o | grep -oE 'JobState=[A-Z]+|Restarts=[0-9]+|ExitCode=[0-9:]+' | tr '\n' ' ')" \
    "JobState=FAILED Restarts=0 ExitCode=1:0 "

submit killed-worker
under_way
victim=$(pid_of_rank 5)
kill -KILL "$victim" && echo "  killed the worker of rank 5 (process $victim)"
conclude
check "its task started another" "$(grep -cE '^5: tare: rank 5 of 8, ' "$directory/$name.log")" 2

submit killed-task
under_way
victim=$(pid_of_rank 5)
shell=$(ps -o ppid= "$victim" | tr -d ' ')
kill -KILL "$shell" "$victim" && echo "  killed the task of rank 5 (processes $shell, $victim)"
conclude

submit killed-coordinator
under_way
victim=$(processes coordinator "TARE_TEST_CLUSTER=$directory")
kill -KILL "$victim" && echo "  killed the coordinator (process $victim)"
conclude
check "the script started another" "$(grep -c 'the coordinator left with status 137' "$directory/$name.log")" 1
kept

submit killed-node
under_way
victims=$(tasks_of_node n3)
# shellcheck disable=SC2046,SC2086  # one word for each process
victims="$victims $(ps -o ppid= $victims | sort -u | grep -vwF "$(echo $victims | tr ' ' '\n')")"
# shellcheck disable=SC2086
kill -KILL "$(cat "$directory/slurmd.n3.pid")" $victims && echo "  killed everything of node n3 ($(echo $victims | wc -w) processes and slurmd)"
sleep 3
slurmd -f "$SLURM_CONF" -N n3 && echo "  started its slurmd again"
conclude
wait_until "four idle nodes" 90 nodes_idle

submit restarted-controller
under_way
controller=$(cat "$directory/slurmctld.pid")
kill "$controller" && wait_until "the end of slurmctld" 30 eval '! kill -0 '"$controller"' 2>/dev/null'
slurmctld -f "$SLURM_CONF" && wait_until "an answer of slurmctld" 30 controller_answers && echo "  restarted slurmctld"
conclude

submit requeued
under_way
scontrol requeue "$job" && echo "  requeued"
wait_until "the requeue of job $job" 60 restarted "$job"
wait_until "the second start of job $job" 180 starts_again "$job"
conclude
check "the second start knows that it is one" "$(grep -c ', start 2,' "$directory/$name.log")" 1
kept

submit preempted
under_way
sbatch --parsable --partition urgent --nodes 4 --exclusive --output /dev/null --wrap 'sleep 2' >"$directory/urgent" \
    && echo "  an urgent job ($(cat "$directory/urgent")) wants the nodes"
wait_until "the requeue of job $job" 60 restarted "$job"
wait_until "the second start of job $job" 180 starts_again "$job"
conclude
check "and the urgent job has run" "$(state_of "$(cat "$directory/urgent")")" COMPLETED
kept

submit drained
under_way
scancel --batch --signal TERM "$job" && echo "  told the batch script that its time is up"
wait_until "the requeue of job $job" 60 restarted "$job"
wait_until "the second start of job $job" 180 starts_again "$job"
conclude
check "the workers left with status 75, twice" "$(grep -c 'the workers left with status 75' "$directory/$name.log")" 2
check "and no task was killed" "$(grep -c 'left with status 1[2-4]' "$directory/$name.log")" 0
kept

# The recipe of docs/deployment.md without a batch job: the coordinator is no part of the job, and stays.
echo "interactive: the coordinator outside, workers and doctors by srun"
interactive=$directory/interactive
export TARE_ADDRESS_FILE=$interactive.json
"$tare" keygen --directory "$interactive.keys" 2>/dev/null
"$tare" coordinator --state-dir "$interactive.state" --data-root "$root" --data-root "$directory" --listen tcp://127.0.0.1:17788 \
    --http 127.0.0.1:17780 --address-file "$interactive.json" --keys "$interactive.keys" 2>"$interactive.log" &
coordinator=$!
TARE_TEST_CLUSTER=$directory srun --chdir "$directory" --nodes 4 --ntasks-per-node 1 --label \
    "$tare" doctor --timeout 60 --key "$interactive.keys/worker.secret" >"$interactive.doctors" 2>&1
check "four doctors find nothing wrong" "$? $(grep -c 'protocol *ok: version' "$interactive.doctors")" "0 4"
TARE_TEST_CLUSTER=$directory srun --chdir "$directory" --nodes 4 --ntasks-per-node 2 --no-kill --kill-on-bad-exit=0 --wait=0 --label \
    "$tare" worker --key "$interactive.keys/worker.secret" >"$interactive.workers" 2>&1 &
workers=$!
for number in 1 2; do
    "$tare" submit Examples/digits/digits.onnx --data "$directory/images.npz" "${plan[@]}" --key "$interactive.keys/submitter.secret" \
        --wait >"$interactive.submit" 2>&1
    check "calibration $number ends well" "$? $(grep -c "^job $number .*: completed, $shards/$shards shards" "$interactive.submit")" "0 1"
    "$tare" result $number --key "$interactive.keys/submitter.secret" --output "$interactive.onnx" \
        --statistics "$interactive.safetensors" >"$interactive.result" 2>&1
    check "its model is that of one process" "$(sha256sum <"$interactive.onnx")" "$reference"
    check "and so are its statistics" "$(sha256sum <"$interactive.safetensors")" "$statistics"
done
check "eight workers wait for another" "$("$tare" workers --json --key "$interactive.keys/submitter.secret" | grep -c '"session"')" 8
"$tare" drain all --key "$interactive.keys/submitter.secret" >"$interactive.drain"
wait $workers
check "srun ends with the status of drained workers" $? 75
kill $coordinator
wait $coordinator
check "the coordinator ends well" $? 0

echo "interactive: one calibration that serves tasks of srun, and ends them"
"$tare" calibrate Examples/digits/digits.onnx --data "$directory/images.npz" "${plan[@]}" --listen tcp://127.0.0.1:17798 \
    --keys "$interactive.keys" --address-file "$interactive.json" --output "$interactive.onnx" \
    --statistics "$interactive.safetensors" >"$directory/single.log" 2>&1 &
coordinator=$!
TARE_TEST_CLUSTER=$directory srun --chdir "$directory" --nodes 4 --ntasks-per-node 2 --no-kill --kill-on-bad-exit=0 --wait=0 --label \
    "$tare" worker --key "$interactive.keys/worker.secret" >"$directory/single.workers" 2>&1
check "srun ends well" $? 0
wait $coordinator
check "the calibration ends well" $? 0
check "its model is that of one process" "$(sha256sum <"$interactive.onnx")" "$reference"
check "and so are its statistics" "$(sha256sum <"$interactive.safetensors")" "$statistics"

if [ $failures -eq 0 ]; then echo "slurm-test: passed in $((SECONDS - began)) s"; else
    echo "slurm-test: $failures checks FAILED" >&2
    exit 1
fi
