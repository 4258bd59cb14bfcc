# shellcheck shell=bash
# What an idle daemon costs; sourced by scripts/bench.

# The voluntary context switches of all threads of a process so far.
switches() { cat "/proc/$1/task/"*/status | awk '/^voluntary_ctxt_switches/ { n += $2 } END { print n }'; }

verdict() {
    if [ "$(calc %d "$1 <= $2")" = 1 ]; then echo reached; else echo not reached; fi
}

# One host a LAN, so that each is alone; all idle through the same minute.
idle() {
    if ! is_root; then
        echo "Idle was not measured: namespaces need root."
        return
    fi
    local number lan begin ready="" count="" rss="" idle_pids=() before=()
    for number in $(seq "$rounds"); do
        lan=${prefix}i$number
        scripts/lan up "$lan" 1
        mkdir -p "$work/idle$number.games"
        mkfifo "$work/idle$number.ready"
        begin=$(now)
        NOTIFY_SOCKET="" scripts/lan run "$lan" 1 "$bin/lanspreadd" --games-dir "$work/idle$number.games" \
            --state-dir "$work/idle$number.state" --socket "$work/idle$number.socket" \
            --config /dev/null >"$work/idle$number.ready" 2>&1 &
        idle_pids+=($!)
        pids+=($!)
        # The pipe is read to its end, so that the daemon never waits for its log.
        { grep -m 1 'The daemon is ready' >/dev/null && now >"$work/idle$number.at"; cat >/dev/null; } \
            <"$work/idle$number.ready" &
        within 20 [ -s "$work/idle$number.at" ] || fail "The daemon idle$number did not start."
        ready+=$(calc %.3f "$(cat "$work/idle$number.at") - $begin")$'\n'
    done
    # What a start leaves to do, the announcement by mDNS above all, is no idling.
    sleep 10
    for number in $(seq "$rounds"); do before+=("$(switches "${idle_pids[number - 1]}")"); done
    sleep 60
    for number in $(seq "$rounds"); do
        count+=$(($(switches "${idle_pids[number - 1]}") - before[number - 1]))$'\n'
        rss+=$(awk '/^VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/${idle_pids[number - 1]}/status")$'\n'
    done
    echo
    echo "Idle: no games, no peers, an Avahi; median of $rounds"
    local value
    value=$(printf '%s' "$count" | median)
    echo "  $value voluntary context switches of all threads in 60 s; at most 60 were to be reached:" \
        "$(verdict "$value" 60)"
    value=$(printf '%s' "$rss" | median)
    echo "  $value MiB resident; at most 25 were to be reached: $(verdict "$value" 25)"
    value=$(printf '%s' "$ready" | median)
    echo "  ready after $value s; at most 0.1 was to be reached: $(verdict "$value" 0.1)"
    for number in $(seq "$rounds"); do
        stop_daemon "${idle_pids[number - 1]}"
        scripts/lan down "${prefix}i$number"
    done
}
