#!/bin/bash
# All that root does for the agent: starts and stops the workload's unit. Takes one order from the connection that systemd
# has accepted, answers it with one line once it is carried out, and ends. Called with the connection's name, in which
# systemd says who is at its other end.
set -euo pipefail
export LC_ALL=C

unit="spawnpoint-workload.service"
group="/sys/fs/cgroup/system.slice/$unit/cgroup.events"
order_bytes=16
order_wait_s=5
# The unit itself gives what it has asked to end 3 s.
stop_wait_s=5
kill_wait_s=60

answer() {
  printf '%s\n' "$1"
  exit 0
}

is_over() {
  case "$(systemctl show --property=ActiveState --value "$unit")" in
    inactive | failed) ! grep -qs '^populated 1$' "$group" ;;
    *) return 1 ;;
  esac
}

# await_end <seconds>
await_end() {
  local until=$((SECONDS + $1))
  until is_over; do
    if ((SECONDS >= until)); then return 1; fi
    sleep 0.1
  done
}

start() {
  is_over || answer "refused: the workload runs"
  # What it has ended with before is no reason not to.
  systemctl reset-failed "$unit" 2>/dev/null || true
  systemctl start "$unit" || answer "failed: $(systemctl show --property=Result --value "$unit")"
  answer ok
}

stop() {
  # While the machine goes down systemd keeps such a job until the agent has ended, which waits for this.
  systemctl stop --no-block "$unit" || true
  if ! await_end "$stop_wait_s"; then
    systemctl kill --signal=SIGKILL "$unit" || true
    await_end "$kill_wait_s" || answer "failed: it does not end"
  fi
  answer ok
}

peer="${1##*-}"
if [[ $peer != 0 && $peer != "$(id -u spawnpoint-agent)" ]]; then answer "refused: not the agent"; fi

# To the end of what is sent: only there, and without a NUL or more than an order has, `read` fails with 1.
order=""
met=0
IFS= read -r -d '' -n "$order_bytes" -t "$order_wait_s" order || met=$?
if ((met != 1)); then answer "refused: no order"; fi

case "$order" in
  $'start\n') start ;;
  $'stop\n') stop ;;
  *) answer "refused: no order" ;;
esac
