#!/bin/bash
# Shows on one machine what the README promises of a cluster: keys, a coordinator, two workers, a job; kill -9 of the coordinator
# and of a worker in the middle; start again; the result, byte for byte that of 'tare calibrate' with one worker. Prints the
# commands and what they answer, and cleans up after itself.
#
#   scripts/show-durability.sh [path of tare]        COPIES: how often the bundled data are read (default 20, 1280 shards)
#
# Exit status: 0 everything is equal, 1 something differs or does not happen.
set -u
cd "$(dirname "$0")/.." || exit 1
tare=$(realpath "${1:-.build-release/release/tare}")
[ -x "$tare" ] || { echo "no $tare; run 'make build' first or name the executable" >&2; exit 1; }

folder=$(mktemp -d)
running=()
clean_up() {
    local pid
    for pid in "${running[@]}"; do kill -KILL "$pid" 2>/dev/null; done
    wait 2>/dev/null
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 1' INT TERM
fail() {
    echo "show-durability: FAILED: $1" >&2
    tail -n 20 "$folder"/*.log >&2
    exit 1
}

# Prints a command and runs it.
run() {
    echo "\$ tare ${*//$folder\//}"
    timeout 300 "$tare" "$@" || fail "tare $1 ended with status $?"
}
# Prints a command and starts it; its process goes to $!.
start() {
    local log=$folder/$1
    shift
    echo "\$ tare ${*//$folder\//} &"
    "$tare" "$@" 2>>"$log.log" &
    running+=($!)
}
# Ends a process the hard way, and waits until it is gone.
kill_hard() {
    echo "\$ kill -9 $1    # $2"
    kill -KILL "$1" && wait "$1" 2>/dev/null
}
shards_done() { timeout 60 "$tare" status 1 --json "${client[@]}" | sed -n 's/.*"shardsDone" : \([0-9]*\).*/\1/p'; }

data=()
for _ in $(seq "${COPIES:-20}"); do data+=(Examples/digits/calibration.npz); done
plan=(--batch-size 4 --shard-batches 1)
total=$((${COPIES:-20} * 64))
export TARE_COORDINATOR=tcp://127.0.0.1:$((20000 + RANDOM % 5000 * 2))
client=(--key "$folder/keys/submitter.secret" --server-key "$folder/keys/coordinator.public")
coordinator_words=(coordinator --state-dir "$folder/state" --data-root Examples/digits --listen "$TARE_COORDINATOR"
    --keys "$folder/keys" --http none)
worker_words=(worker --key "$folder/keys/worker.secret" --server-key "$folder/keys/coordinator.public")

run keygen --directory "$folder/keys" 2>/dev/null
start coordinator "${coordinator_words[@]}"
coordinator=$!
echo "\$ export TARE_COORDINATOR=$TARE_COORDINATOR"
start worker-1 "${worker_words[@]}"
worker=$!
start worker-2 "${worker_words[@]}"
echo "# the bundled images ${COPIES:-20} times, so that there is time to disturb"
# The long list of data is shown once.
echo "\$ tare submit Examples/digits/digits.onnx --data Examples/digits/calibration.npz ... ${plan[*]} ${client[*]//$folder\//}"
timeout 300 "$tare" submit Examples/digits/digits.onnx --data "${data[@]}" "${plan[@]}" "${client[@]}" || fail "submit"
until [ "$(shards_done)" -ge $((total / 4)) ]; do sleep 0.2; done
run workers "${client[@]}"
before=$(shards_done)
kill_hard "$coordinator" "the coordinator, with $before of $total shards on the disk"
kill_hard "$worker" "a worker; the other one computes on"
start coordinator "${coordinator_words[@]}"
coordinator=$!
start worker-3 "${worker_words[@]}"
after=$(shards_done)
run status "${client[@]}"
[ "${after:-0}" -ge "$before" ] || fail "the coordinator knew of $before shards and knows of ${after:-0} after the restart"
run status 1 --watch "${client[@]}"
run result 1 --output "$folder/cluster.onnx" --statistics "$folder/cluster.safetensors" "${client[@]}"
run workers "${client[@]}"
run drain all "${client[@]}"
echo "\$ tare calibrate Examples/digits/digits.onnx --data Examples/digits/calibration.npz ... ${plan[*]} --workers 1 --output one.onnx --statistics one.safetensors"
timeout 600 "$tare" calibrate Examples/digits/digits.onnx --data "${data[@]}" "${plan[@]}" --workers 1 \
    --output "$folder/one.onnx" --statistics "$folder/one.safetensors" 2>"$folder/calibrate.log" || fail "calibrate"
echo "\$ sha256sum cluster.onnx one.onnx cluster.safetensors one.safetensors"
(cd "$folder" && sha256sum cluster.onnx one.onnx cluster.safetensors one.safetensors)
cmp "$folder/cluster.onnx" "$folder/one.onnx" && cmp "$folder/cluster.safetensors" "$folder/one.safetensors" || fail "the files differ"
kill "$coordinator"
wait "$coordinator" || fail "the coordinator ended with status $?"
echo "show-durability: the model and the statistics of the disturbed cluster are those of one process"
