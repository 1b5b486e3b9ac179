#!/bin/sh
# Calibrates one model with 1, 2, 3, 5 and 8 workers, over ipc and tcp, with shared and streamed data, and once with a worker
# killed in the middle; prints the SHA-256 of the statistics and of the model of each run. All lines must be equal.
#
#   scripts/show-invariance.sh TARE MODEL.onnx --data PATH [more options of tare calibrate]
set -eu
tare=$1; model=$2; shift 2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM

show() {
    printf '%s %s  %s\n' "$(sha256sum <"$folder/statistics" | cut -c1-16)" "$(sha256sum <"$folder/model.onnx" | cut -c1-16)" "$1"
}

run() {
    label=$1; shift
    "$tare" calibrate "$model" --output "$folder/model.onnx" --statistics "$folder/statistics" "$@" >"$folder/log" 2>&1 ||
        { cat "$folder/log" >&2; exit 1; }
    show "$label"
}

echo "statistics       model             run"
for workers in 1 2 3 5 8; do
    for transport in ipc tcp; do
        for delivery in shared stream; do
            run "workers $workers, $transport, $delivery" "$@" --workers $workers --transport $transport --data-delivery $delivery
        done
    done
done

"$tare" calibrate "$model" --output "$folder/model.onnx" --statistics "$folder/statistics" "$@" --workers 2 >"$folder/log" 2>&1 &
parent=$!
victim=
while [ -z "$victim" ] && kill -0 $parent 2>/dev/null; do
    for child in $(pgrep -P $parent); do
        # Fields 14 and 15: processor time in hundredths of a second; the worker is well into its work.
        used=$(awk '{print $14 + $15}' "/proc/$child/stat" 2>/dev/null || echo 0)
        if [ "${used:-0}" -gt 25 ]; then kill -KILL "$child" && victim=$child && break; fi
    done
done
wait $parent || { cat "$folder/log" >&2; exit 1; }
[ -n "$victim" ] || { echo "no worker was killed: the job was too short" >&2; exit 1; }
show "workers 2, one killed by SIGKILL ($(grep -c 'goes to another worker' "$folder/log") shard computed again)"
