#!/usr/bin/env bash
# What docs/numbers.md says of the window as a process: how long a cold start takes with a thousand
# models, what it takes of memory with an artifact of a million pieces on the screen, and of the
# processor while nothing happens. Needs Xvfb, xdotool, and the release build of the window.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cargo build --release -p desktop
cargo build --release -p benches --example library
target=${CARGO_TARGET_DIR:-target}/release
folder=$(mktemp -d)
trap 'kill "${window:-}" "${display:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT

"$target/examples/library" "$folder/thousand" 1000 0
"$target/examples/library" "$folder/million" 0 1000000
Xvfb -displayfd 3 -screen 0 1180x780x24 -nolisten tcp 3>"$folder/display" 2>/dev/null &
display=$!
until [ -s "$folder/display" ]; do sleep 0.1; done
DISPLAY=:$(cat "$folder/display")
export DISPLAY

start() {
    "$target/minimodel-companion" --verbose --data-dir "$1" 2>"$folder/said" &
    window=$!
    until grep -q "the library is on the screen" "$folder/said"; do sleep 0.1; done
}
stop() {
    kill "$window"
    wait "$window" 2>/dev/null || true
}
used() { awk '{ print $14 + $15 }' "/proc/$window/stat"; }

for run in 1 2 3 4 5; do
    start "$folder/thousand"
    echo "run $run, 1,000 models:"
    grep -o "the .* is on the screen after .*" "$folder/said"
    [ "$run" = 5 ] || stop
done

sleep 5
before=$(used)
sleep 30
ticks=$(($(used) - before))
echo "idle: $ticks ticks of $(getconf CLK_TCK) a second in 30 s"
stop

start "$folder/million"
xdotool windowfocus "$(xdotool search --onlyvisible --name MiniModel | head -1)"
# The only model of the list: the list takes the keyboard, and Down selects its first line.
xdotool mousemove 500 160 click 1
sleep 5
xdotool mousemove 700 450
sleep 2
echo "1,000,000 pieces on the screen: $(grep -E 'VmRSS|VmHWM' "/proc/$window/status" | tr -s '\t ' ' ' | tr '\n' ' ')"
stop
