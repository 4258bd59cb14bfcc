# shellcheck shell=bash
# How long a writer of a game waits for those who read it; sourced by scripts/bench.

# update_daemon NAME PORT FLAG…: a host with the games in $work/NAME.games.
update_daemon() {
    local name=$1 port=$2
    shift 2
    mkdir -p "$work/$name.games"
    "$bin/lanspreadd" --config /dev/null --games-dir "$work/$name.games" --state-dir "$work/$name.state" \
        --catalog "$work/update.db" --socket "$work/$name.socket" --name "$name" --listen "127.0.0.1:$port" \
        --no-mdns "$@" >"$work/$name.log" 2>&1 &
    update_pids+=($!)
    pids+=($!)
    within 20 ctl "$name" status || fail "The daemon $name did not start."
}

update_root() { ctl "$1" info large --json | tr -d ' \n' | grep -o '"root":"[0-9a-f]*"' | head -n 1 | cut -d '"' -f 4; }

is_serving() {
    local count
    count=$(ctl source status --json | tr -d ' \n' | sed 's/.*"outbound_transfers":\([0-9]*\).*/\1/')
    [ "$count" -ge "$1" ]
}

# Prints the milliseconds from the writer's close until the last transfer has ended. $1: yes, when one of the three
# receivers stands still with full windows.
update_round() {
    local stalled=$1 old new number pid
    update_pids=()
    cp -r "$work/old" "$work/source.games"
    cp -r "$work/new" "$work/other.games"
    update_daemon other 47612
    update_daemon source 47611
    within 120 is_ready other || fail "The other source did not finish hashing."
    within 120 is_ready source || fail "The source did not finish hashing."
    new=$(update_root other)
    old=$(update_root source)
    ctl source connect 127.0.0.1:47612 >/dev/null
    for number in 1 2 3; do
        update_daemon "receiver$number" 0 --peer 127.0.0.1:47611
        ctl "receiver$number" --quiet wait-peers 1 --timeout 20 >/dev/null
    done
    for number in 1 2 3; do
        ctl "receiver$number" download large --root "$old" --no-install --no-block >/dev/null 2>&1
    done
    within 20 is_serving 3 || fail "The source does not serve."
    if [ "$stalled" = yes ]; then kill -STOP "${update_pids[2]}"; fi
    ctl source download large --root "$new" --no-install --no-block >/dev/null 2>&1
    within 20 grep -q 'Nobody reads the game any more.' "$work/source.log" || fail "The readers did not go."
    sed -n 's/.*Nobody reads the game any more\..* milliseconds=\([0-9.]*\).*/\1/p' "$work/source.log" | head -n 1
    for pid in "${update_pids[@]}"; do
        kill -9 "$pid"
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"/{source,other,receiver?}.*
}

update() {
    local side stalled value
    local seed=1
    for side in old new; do
        "$bin/lanspread-fixture" "$work/fixture" --large $((512 << 20)) --seed "$seed" >/dev/null
        seed=2
        mkdir "$work/$side"
        mv "$work/fixture/fixture-alpha/games/large" "$work/$side/"
        mv "$work/fixture/fixture-alpha/game.db" "$work/update.db"
        rm -rf "$work/fixture"
    done
    echo
    echo "A game of 512 MiB is changed while three fetch it on loopback, median of $rounds;" \
        "load of the machine before: $(cut -d ' ' -f 1 /proc/loadavg)"
    for stalled in no yes; do
        for _ in $(seq "$rounds"); do update_round "$stalled"; done >"$work/update-$stalled"
        value=$(calc %.1f "$(median <"$work/update-$stalled")")
        echo "  their transfers have ended after $value ms$([ $stalled = no ] || echo ", though one stands still");" \
            "at most 250 were to be reached: $(verdict "$value" 250)"
    done
}
