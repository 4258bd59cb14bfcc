# shellcheck shell=bash
# From the start of a daemon until it knows its peer; sourced by scripts/bench.

lan_daemon() {
    local number=$1 name=$2
    # An external command, not a function: `exec` all the way makes $! the daemon.
    rm -rf "$work/$name.state" "$work/$name.socket"
    scripts/lan run "$prefix" "$number" "$bin/lanspreadd" --games-dir "$work/fixture-$name/games" \
        --state-dir "$work/$name.state" --catalog "$work/fixture-$name/game.db" --socket "$work/$name.socket" \
        --name "$name" --listen "0.0.0.0:47600" >"$work/$name.log" 2>&1 &
    daemon=$!
    pids+=("$daemon")
}

has_peer() { [ "$(ctl "$1" status --json | tr -d ' \n' | sed -n 's/.*"peers":\([0-9]*\).*/\1/p')" = 1 ]; }

start() {
    if ! is_root; then
        echo "Start to connected was not measured: namespaces need root."
        return
    fi
    local begin ready="" connected="" lines
    "$bin/lanspread-fixture" "$work" >/dev/null
    scripts/lan up "$prefix" 2
    lan_daemon 1 alpha
    within 20 ctl alpha status || fail "The daemon alpha did not start."
    for _ in $(seq "$rounds"); do
        begin=$(now)
        lan_daemon 2 bravo
        within 20 ctl bravo status || fail "The daemon bravo did not start."
        ready+=$(calc %.2f "$(now) - $begin")$'\n'
        within 20 has_peer bravo || fail "The hosts did not find each other."
        connected+=$(calc %.2f "$(now) - $begin")$'\n'
        if [ ! -d "$work/fixture-alpha/games/cnc4/local" ]; then
            ctl alpha download cnc4 >"$work/ctl.log" 2>&1 || fail "The download over this LAN failed."
            diff -r --exclude=local --exclude='.lanspread*' "$work"/fixture-{bravo,alpha}/games/cnc4 >&2 ||
                fail "What arrived over this LAN differs."
        fi
        # A foreign client sees what we publish, as long as we run.
        lines=$(scripts/lan run "$prefix" 1 avahi-browse -rpt _lanspread._udp 2>/dev/null | grep '^=' |
            awk -F ';' '{ print "    " $4 " at " $8 ":" $9 }' || true)
        stop_daemon "$daemon"
        within 20 no_peer alpha || fail "The goodbye did not arrive."
    done
    echo
    echo "Start to connected: two hosts on a bridge, an Avahi each; from the start of the second one, median of $rounds"
    echo "  fetched and installed a game over this LAN, byte for byte"
    echo "  answers status after $(printf '%s' "$ready" | median) s"
    printf '  knows its peer after %s s; 1.5 s was to be reached: ' "$(printf '%s' "$connected" | median)"
    if [ "$(calc %d "$(printf '%s' "$connected" | median) <= 1.5")" = 1 ]; then echo reached; else echo not reached; fi
    echo "  avahi-browse on the first host resolved $(echo "$lines" | grep -c . || true) records:"
    echo "$lines"
    scripts/lan down "$prefix"
}

no_peer() { ! has_peer "$1"; }
