# For scripts that run the service; to be sourced. They start in the repository's root with a
# directory of their own, $temp; it and all that runs in the background end with them.
# shellcheck shell=bash disable=SC2034 # It sets variables for them.

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

# serve NAME OPTION...: starts the service where only this machine reaches it, on a free port;
# leaves its address in $url.
serve() {
    local listening='INFO study_stats::server::accept: listening'
    # No delay when it ends: there is no load balancer to notice.
    spawn "$1" "$listening" target/release/study-stats \
        --host 127.0.0.1 --port 0 --drain-delay 0s --log info "${@:2}"
    url=http://$(grep -F "$listening" "$temp/$1.log" | grep -oE '127\.0\.0\.1:[0-9]+')
}

# free_port: prints a port that nobody listens on, below those that the system gives to clients'
# connections.
free_port() {
    local port=$((15000 + RANDOM % 17000))
    while (exec 9<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
    echo "$port"
}

# start_redis: starts an empty Redis where only this machine reaches it, the redis-server that
# REDIS_SERVER names, else one on the PATH, else Docker's; leaves its address in $redis_url.
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
