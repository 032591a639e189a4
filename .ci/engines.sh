#!/usr/bin/env bash
# Real servers for the tests: one Redis, a Redis Cluster of six and PostgreSQL, on free loopback ports, gone afterwards.
#
#   bash .ci/engines.sh npm test                                     run a command with the servers
#   source .ci/engines.sh; engines_install; engines_start; …; engines_stop
#
# Sets MTOKEN_TEST_REDIS_URL, MTOKEN_TEST_REDIS_CLUSTER (host:port list), MTOKEN_TEST_DATABASE_URL and
# MTOKEN_TEST_DATABASE_URL_UNSAFE (a PostgreSQL with fsync off, which the server must refuse).

engines_pids=()

# Installs what is missing; needs root and apt for that, and nothing where all is there.
engines_install() {
  local missing=()
  command -v redis-server >/dev/null 2>&1 || missing+=(redis-server)
  [ -n "$(engines_postgres_bin)" ] || missing+=(postgresql)
  # The runbooks' commands use it.
  command -v jq >/dev/null 2>&1 || missing+=(jq)
  [ ${#missing[@]} -eq 0 ] && return 0
  echo "installing ${missing[*]}" >&2
  apt-get update -qq >&2 || return 1
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

# The directory of initdb and pg_ctl, the newest version first.
engines_postgres_bin() {
  local found
  found=$(ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null | sort -V | tail -n 1)
  [ -n "$found" ] || found=$(command -v initdb 2>/dev/null || true)
  [ -z "$found" ] || dirname "$found"
}

# Free ports from a range whose +10000 neighbours (the Cluster's bus) are ports too, and outside of the ephemeral range.
engines_free_ports() {
  node -e '
    const { createServer } = require("node:net");
    const free = (port) => new Promise((resolve) => {
      const server = createServer().once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    });
    (async () => {
      const ports = [];
      while (ports.length < Number(process.argv[1])) {
        const port = 10100 + Math.floor(Math.random() * 10000);
        if (!ports.includes(port) && (await free(port)) && (await free(port + 10000))) ports.push(port);
      }
      console.log(ports.join(" "));
    })();
  ' "$1"
}

# PostgreSQL refuses to run as root.
engines_as_postgres() {
  if [ "$(id -u)" -eq 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

engines_wait() {
  local what=$1 tries=0
  shift
  until "$@" >/dev/null 2>&1; do
    tries=$((tries + 1))
    if [ "$tries" -ge 150 ]; then
      echo "$what does not answer" >&2
      return 1
    fi
    sleep 0.2
  done
}

engines_start_redis() {
  local port=$1
  shift
  mkdir -p "$engines_dir/redis-$port"
  redis-server --port "$port" --bind 127.0.0.1 --dir "$engines_dir/redis-$port" --save '' --appendonly yes \
    --maxmemory-policy noeviction --daemonize no "$@" >"$engines_dir/redis-$port/log" 2>&1 &
  engines_pids+=($!)
  disown $!
}

engines_start_cluster() {
  local ports=("$@") port hosts=()
  for port in "${ports[@]}"; do
    engines_start_redis "$port" --appendfsync everysec --cluster-enabled yes --cluster-config-file nodes.conf \
      --cluster-node-timeout 2000 --cluster-allow-replica-migration no
    hosts+=("127.0.0.1:$port")
  done
  for port in "${ports[@]}"; do engines_wait "Redis on $port" redis-cli -p "$port" ping || return 1; done
  redis-cli --cluster create "${hosts[@]}" --cluster-replicas 1 --cluster-yes >"$engines_dir/cluster.log" 2>&1 || {
    cat "$engines_dir/cluster.log" >&2
    return 1
  }
  for port in "${ports[@]}"; do engines_wait 'the Redis Cluster' engines_cluster_complete "$port" || return 1; done
  MTOKEN_TEST_REDIS_CLUSTER=$(IFS=,; echo "${hosts[*]}")
}

engines_cluster_complete() {
  local info
  info=$(redis-cli -p "$1" cluster info) || return 1
  case $info in *cluster_state:ok*) ;; *) return 1 ;; esac
  [ "$(redis-cli -p "$1" cluster nodes | grep -c -E 'slave|replica')" -ge 3 ]
}

engines_start_postgres() {
  local port=$1 name=$2 bin data
  shift 2
  bin=$(engines_postgres_bin)
  data="$engines_dir/$name"
  mkdir -p "$data"
  [ "$(id -u)" -ne 0 ] || chown postgres "$data"
  engines_as_postgres "$bin/initdb" -D "$data/db" -U mtoken -A trust -E UTF8 --locale=C.UTF-8 >"$engines_dir/$name.log" 2>&1 &&
    engines_as_postgres "$bin/pg_ctl" -D "$data/db" -w -t 60 -l "$data/log" \
      -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$data -c max_connections=200 $*" \
      start >>"$engines_dir/$name.log" 2>&1 || {
    cat "$engines_dir/$name.log" "$data/log" >&2
    return 1
  }
  engines_as_postgres "$bin/psql" -q -h 127.0.0.1 -p "$port" -U mtoken -d postgres -c 'create database mtoken_test'
}

# Starts everything and exports the addresses. Stops by itself when the shell ends, unless the caller has a trap of its own.
engines_start() {
  local ports
  engines_dir=$(mktemp -d)
  # The user postgres must reach its directory.
  chmod 711 "$engines_dir"
  [ -n "$(trap -p EXIT)" ] || trap engines_stop EXIT
  read -r -a ports <<<"$(engines_free_ports 9)"
  engines_start_redis "${ports[0]}" --appendfsync always
  engines_wait 'Redis' redis-cli -p "${ports[0]}" ping || return 1
  MTOKEN_TEST_REDIS_URL="redis://127.0.0.1:${ports[0]}"
  engines_start_cluster "${ports[@]:1:6}" || return 1
  engines_start_postgres "${ports[7]}" postgres || return 1
  MTOKEN_TEST_DATABASE_URL="postgres://mtoken@127.0.0.1:${ports[7]}/mtoken_test"
  engines_start_postgres "${ports[8]}" postgres-unsafe -c fsync=off || return 1
  MTOKEN_TEST_DATABASE_URL_UNSAFE="postgres://mtoken@127.0.0.1:${ports[8]}/mtoken_test"
  export MTOKEN_TEST_REDIS_URL MTOKEN_TEST_REDIS_CLUSTER MTOKEN_TEST_DATABASE_URL MTOKEN_TEST_DATABASE_URL_UNSAFE
}

engines_stop() {
  local pid name
  [ -n "${engines_dir:-}" ] || return 0
  for pid in "${engines_pids[@]}"; do kill "$pid" 2>/dev/null; done
  for name in postgres postgres-unsafe; do
    [ ! -f "$engines_dir/$name/db/postmaster.pid" ] ||
      engines_as_postgres "$(engines_postgres_bin)/pg_ctl" -D "$engines_dir/$name/db" -m immediate stop >/dev/null 2>&1
  done
  rm -rf "$engines_dir"
  engines_dir=''
  engines_pids=()
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  if [ $# -eq 0 ]; then
    echo 'usage: bash .ci/engines.sh <command> [argument …]' >&2
    exit 64
  fi
  engines_install && engines_start || exit 1
  "$@"
  exit $?
fi
