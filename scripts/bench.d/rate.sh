# shellcheck shell=bash
# One source, one large file, against nginx and curl; sourced by scripts/bench.

make_link() {
    source_address=127.0.0.1
    if ! is_root; then
        link="loopback with its MTU of 65536 (not root, so no namespaces): not comparable with other machines"
        return
    fi
    local side
    for side in a b; do
        ip netns add "$prefix$side"
        ip -n "$prefix$side" link set lo up
    done
    ip link add eth0 netns "${prefix}a" mtu 1500 type veth peer name eth0 netns "${prefix}b" mtu 1500
    ip -n "${prefix}a" addr add 10.78.0.1/24 dev eth0
    ip -n "${prefix}b" addr add 10.78.0.2/24 dev eth0
    for side in a b; do
        ip -n "$prefix$side" link set eth0 up
        on "$side" sh -c 'echo reno >/proc/sys/net/ipv4/tcp_congestion_control' 2>/dev/null || true
    done
    source_address=10.78.0.1
    link="veth pair between two namespaces, MTU 1500, TCP $(on a cat /proc/sys/net/ipv4/tcp_congestion_control)"
}

start_nginx() {
    local pid
    # Debian keeps it where only root's PATH looks.
    nginx=$(command -v nginx || echo /usr/sbin/nginx)
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=bench -days 1 \
        -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
    cat >"$work/nginx.conf" <<END
daemon off;
user root;
worker_processes 1;
pid $work/nginx.pid;
error_log $work/nginx.log;
events { worker_connections 64; }
http {
    access_log off;
    sendfile on;
    client_body_temp_path $work/t1; proxy_temp_path $work/t2; fastcgi_temp_path $work/t3;
    uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
    server {
        listen $source_address:8443 ssl;
        ssl_certificate $work/cert.pem;
        ssl_certificate_key $work/key.pem;
        ssl_protocols TLSv1.3;
        ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
        root $work/source/games;
    }
}
END
    is_root || sed -i '/^user /d' "$work/nginx.conf"
    on a "$nginx" -c "$work/nginx.conf" >"$work/nginx.out.log" 2>&1 &
    within 5 [ -s "$work/nginx.pid" ] || fail "nginx did not start."
    # Not $!: that is the shell around the function.
    pids+=("$(cat "$work/nginx.pid")")
    within 5 on b curl -ksS -o /dev/null --range 0-0 "https://$source_address:8443/large/version.ini" ||
        fail "nginx did not start."
    nginx_pids=$(cat "$work/nginx.pid")
    for pid in /proc/[0-9]*; do
        if [ "$(awk '/^PPid:/ { print $2 }' "$pid/status" 2>/dev/null)" = "${nginx_pids%% *}" ]; then
            nginx_pids="$nginx_pids ${pid#/proc/}"
        fi
    done
}

# Prints: seconds, CPU of the sender, CPU of the receiver.
run_curl() {
    local before after took
    # shellcheck disable=SC2086 # a list
    before=$(cpu $nginx_pids)
    TIMEFORMAT='%R %U %S'
    took=$({ time on b curl -ksS --http1.1 --tlsv1.3 -o "$1" "https://$source_address:8443/large/$file"; } 2>&1)
    # shellcheck disable=SC2086
    after=$(cpu $nginx_pids)
    echo "$took" | awk -v s="$(calc %.2f "$after - $before")" '{ print $1, s, $2 + $3 }'
    [ "$1" = /dev/null ] || rm -f "$1"
}

# start_daemon SIDE NAME GAMES CATALOG FLAG…: sets daemon to its pid.
start_daemon() {
    local side=$1 name=$2 games=$3 catalog=$4
    shift 4
    rm -rf "$work/$name.state" "$work/$name.socket"
    # exec: the pid that is measured is the daemon's.
    if is_root; then
        ip netns exec "$prefix$side" "$bin/lanspreadd" --games-dir "$games" --state-dir "$work/$name.state" \
            --catalog "$catalog" --socket "$work/$name.socket" --name "$name" "$@" >"$work/$name.log" 2>&1 &
    else
        "$bin/lanspreadd" --games-dir "$games" --state-dir "$work/$name.state" \
            --catalog "$catalog" --socket "$work/$name.socket" --name "$name" "$@" >"$work/$name.log" 2>&1 &
    fi
    daemon=$!
    pids+=("$daemon")
    within 20 ctl "$name" status || fail "The daemon $name did not start."
}

is_ready() { ctl "$1" info large --json | tr -d ' \n' | grep -q '"availability":"ready"'; }

run_ours() {
    local games=$work/receiver.games before_source before took begin
    mkdir -p "$games"
    start_daemon b receiver "$games" "$work/source/game.db" --listen "${receiver_listen}:47601" --no-mdns \
        --peer "$source_address:47600"
    ctl receiver --quiet wait-peers 1 --timeout 20 >/dev/null
    before_source=$(cpu "$source_pid")
    before=$(cpu "$daemon")
    begin=$(now)
    ctl receiver download large --no-install >"$work/ctl.log" 2>&1 || fail "The download failed."
    took=$(calc %.3f "$(now) - $begin")
    echo "$took $(calc %.2f "$(cpu "$source_pid") - $before_source") $(calc %.2f "$(cpu "$daemon") - $before")"
    cmp "$games/large/$file" "$work/source/games/large/$file" >&2 || fail "The file that arrived differs."
    stop_daemon "$daemon"
    rm -rf "$games"
}

# Takes lines of `seconds sender receiver` and prints a row of the table, of the medians.
row() {
    local name=$1 lines=$2 seconds sender receiver
    seconds=$(echo "$lines" | awk '{ print $1 }' | median)
    sender=$(echo "$lines" | awk '{ print $2 }' | median)
    receiver=$(echo "$lines" | awk '{ print $3 }' | median)
    awk -v n="$name" -v t="$seconds" -v s="$sender" -v r="$receiver" -v g="$gib" 'BEGIN {
        printf "%-46s %7.2f %8.0f %7.2f %7.2f %8.2f\n", n, t, g * 1024 / t, g * 8.589934592 / t, s / g, r / g }'
}

rate() {
    local bytes load nginx_file nginx_null ours ratio
    gib=${LANSPREAD_BENCH_GIB:-2}
    # The source, the copy and the page tables must all fit.
    awk -v need="$((gib * 3))" '/^MemAvailable:/ { exit $2 / 1048576 < need }' /proc/meminfo || gib=1
    bytes=$((gib << 30))
    make_link
    receiver_listen=$source_address
    if is_root; then
        receiver_listen=10.78.0.2
        mount -t tmpfs -o "size=$((gib * 2 + 1))g" tmpfs "$work"
    fi
    .build/release/lanspread-fixture "$work/fixture" --large "$bytes" >/dev/null
    mkdir -p "$work/source/games"
    mv "$work/fixture/fixture-alpha/games/large" "$work/source/games/"
    mv "$work/fixture/fixture-alpha/game.db" "$work/source/game.db"
    rm -rf "$work/fixture"
    file=$(cd "$work/source/games/large" && find . -type f -printf '%s %P\n' | sort -n | tail -n 1 | cut -d ' ' -f 2)

    load=$(cut -d ' ' -f 1 /proc/loadavg)
    start_nginx
    start_daemon a source "$work/source/games" "$work/source/game.db" --listen "$source_address:47600" --no-mdns
    source_pid=$daemon
    within 120 is_ready source || fail "The source did not finish hashing."

    # Taken in turn, so that a slow moment of the machine hits all alike.
    for _ in $(seq "$rounds"); do
        run_curl "$work/curl.out" >>"$work/nginx-file"
        run_ours >>"$work/ours"
        run_curl /dev/null >>"$work/nginx-null"
    done
    nginx_file=$(cat "$work/nginx-file") nginx_null=$(cat "$work/nginx-null") ours=$(cat "$work/ours")

    echo
    echo "One source, one file of $gib GiB on tmpfs, median of $rounds; $link"
    echo "$(nproc) cores for both ends together; load of the machine before: $load"
    echo "$(uname -sr), $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)," \
        "$("$nginx" -v 2>&1 | sed 's/.*: //')," \
        "$(curl -V | awk 'NR == 1 { print $1 "/" $2 }')," \
        "ngtcp2 $(dpkg-query -W -f='${Version}' libngtcp2-dev 2>/dev/null || echo unknown)"
    printf '%-46s %7s %8s %7s %7s %8s\n' "" seconds MiB/s Gbit/s "CPU-s/GiB" ""
    printf '%-46s %7s %8s %7s %7s %8s\n' "" "" "" "" send receive
    row "nginx HTTPS (AES-128) + curl to a file" "$nginx_file"
    row "nginx HTTPS (AES-128) + curl to /dev/null" "$nginx_null"
    row "lanspread, verified and written" "$ours"
    ratio=$(calc %.2f "$(echo "$nginx_file" | awk '{ print $1 }' | median) / $(echo "$ours" |
        awk '{ print $1 }' | median)")
    if [ "$(calc %d "$ratio >= 0.9")" = 1 ]; then
        echo "lanspread is $ratio x curl to a file; 0.9 was to be reached: reached"
    else
        echo "lanspread is $ratio x curl to a file; 0.9 was to be reached: not reached"
    fi
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do within 10 ended "$pid" || true; done
    pids=()
    if is_root; then umount -l "$work"; fi
}
