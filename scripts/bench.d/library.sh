# shellcheck shell=bash
# Many games after a restart, and one game of many files; sourced by scripts/bench.

library_games=200
library_files=10000

library_daemon() {
    local name=$1
    "$bin/lanspreadd" --games-dir "$work/library/fixture-$name/games" --state-dir "$work/$name.state" \
        --catalog "$work/library/fixture-$name/game.db" --socket "$work/$name.socket" --name "$name" \
        --listen 127.0.0.1:0 --no-mdns --config /dev/null >"$work/$name.log" 2>&1 &
    daemon=$!
    pids+=("$daemon")
}

# The games that are ready, as the list has them.
library_ready() { ctl "$1" list --json | tr ',' '\n' | grep -c '"availability":"ready"' || true; }
has_ready() { [ "$(library_ready "$1")" -ge "$2" ]; }
is_game_ready() { ctl "$1" info "$2" --json | grep -q '"availability":"ready"'; }
library_row() { printf '  %-66s %8s s\n' "$1" "$(printf '%s' "$2" | median)"; }

library() {
    local begin restart="" scan="" hash="" fetch="" rescan="" alpha bravo address built
    "$bin/lanspread-fixture" "$work/library" --shelf "$library_games" --many "$library_files" >/dev/null
    local games=$work/library/fixture-alpha/games
    mkdir -p "$work/library/aside"
    mv "$games/many" "$work/library/aside/many"
    rm -rf "$work/library"/fixture-bravo/games/*
    library_daemon alpha
    alpha=$daemon
    within 120 has_ready alpha "$library_games" || fail "The games were not hashed."

    for _ in $(seq "$rounds"); do
        stop_daemon "$alpha"
        begin=$(now)
        library_daemon alpha
        alpha=$daemon
        within 20 has_ready alpha "$library_games" || fail "The games are not ready after a restart."
        restart+=$(calc %.2f "$(now) - $begin")$'\n'
        built=$(grep -c 'The manifest is built' "$work/alpha.log" || true)
        [ "$built" = 0 ] || fail "$built of the games were hashed again."

        begin=$(now)
        mv "$work/library/aside/many" "$games/many"
        within 20 ctl alpha info many || fail "The game was not seen."
        until ctl alpha info many --json | grep -q '"availability":"\(hashing\|ready\)"'; do sleep 0.02; done
        scan+=$(calc %.2f "$(now) - $begin")$'\n'
        within 60 is_game_ready alpha many || fail "The game was not hashed."
        hash+=$(calc %.2f "$(now) - $begin")$'\n'
        begin=$(now)
        ctl alpha rescan many >/dev/null 2>&1
        rescan+=$(calc %.2f "$(now) - $begin")$'\n'

        library_daemon bravo
        bravo=$daemon
        within 20 ctl bravo status || fail "The daemon bravo did not start."
        address=$(ctl alpha status --json | tr -d ' \n' | sed -n 's/.*"listen":\["\([^"]*\)".*/\1/p')
        ctl bravo connect "$address" >/dev/null
        begin=$(now)
        ctl bravo download many --no-install >"$work/ctl.log" 2>&1 || fail "The download failed."
        fetch+=$(calc %.2f "$(now) - $begin")$'\n'
        diff -r --exclude='.lanspread*' "$games/many" "$work/library/fixture-bravo/games/many" >&2 ||
            fail "What arrived differs."
        stop_daemon "$bravo"
        rm -rf "$work/library/fixture-bravo/games/many" "$work/bravo.state"
        mv "$games/many" "$work/library/aside/many"
        within 20 ctl alpha rescan many || fail "The game did not go."
    done
    stop_daemon "$alpha"
    echo
    echo "Library: $library_games games, and one of $library_files files of 1 to 8,192 bytes; median of $rounds, on $(
        findmnt -nT "$work" -o FSTYPE)"
    library_row "from the start until all $library_games are ready, nothing hashed again" "$restart"
    echo "    2 s were to be reached: $(verdict "$(printf '%s' "$restart" | median)" 2)"
    library_row "the game of $library_files files is seen" "$scan"
    library_row "and hashed and ready" "$hash"
    library_row "rescan of it" "$rescan"
    library_row "its download from that daemon, verified and written" "$fetch"
}
