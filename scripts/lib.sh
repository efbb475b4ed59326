# Functions for scripts that run the service; to be sourced. A script starts in the repository's root
# with a temporary directory, $temp; the directory and all background processes end with the script.
# shellcheck shell=bash disable=SC2034 # The script reads the variables.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
temp=$(mktemp -d)
trap finish EXIT

finish() {
    local pid
    for pid in $(jobs -pr); do
        kill "$pid" 2>/dev/null || true
    done
    wait
    rm -rf "$temp"
}

fail() {
    echo "$*" >&2
    exit 1
}

# spawn NAME TEXT COMMAND...: starts COMMAND, and waits until its log, $temp/NAME.log, has TEXT.
spawn() {
    local log=$temp/$1.log pid
    : >"$log"
    "${@:3}" >>"$log" 2>&1 &
    pid=$!
    for _ in {1..300}; do
        if grep -qF "$2" "$log"; then return; fi
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    cat "$log" >&2
    fail "$1 did not start"
}

# serve NAME OPTION...: starts the service on a free port of the loopback address; stores the
# service's URL in $url.
serve() {
    local listening='INFO study_stats::server::listener: listening'
    # No drain delay: no load balancer watches the service.
    spawn "$1" "$listening" target/release/study-stats \
        --host 127.0.0.1 --port 0 --drain-delay 0s --log info "${@:2}"
    url=http://$(grep -F "$listening" "$temp/$1.log" | grep -oE '127\.0\.0\.1:[0-9]+')
}

# free_port: prints a port without a listener, below the range of client connections
# (ip_local_port_range).
free_port() {
    local port=$((15000 + RANDOM % 17000))
    while (exec 9<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
    echo "$port"
}

# start_redis: starts an empty Redis on the loopback address: the redis-server named by REDIS_SERVER,
# else on the PATH, else Docker's; stores the server's URL in $redis_url.
start_redis() {
    local port server=${REDIS_SERVER:-redis-server} redis
    port=$(free_port)
    if command -v "$server" >/dev/null; then
        redis=("$server" --bind 127.0.0.1 --port "$port" --dir "$temp" --save '')
    else
        redis=(docker run --rm --init -p "127.0.0.1:$port:6379" redis:7-bookworm)
    fi
    spawn redis-server 'Ready to accept connections' "${redis[@]}"
    redis_url=redis://127.0.0.1:$port
}
