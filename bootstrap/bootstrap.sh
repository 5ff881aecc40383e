#!/bin/bash
# Turns a fresh Ubuntu droplet into a bot: wall, packages, Node, the agent, then everything that may take its time.
# A power cut in the middle only means another run: each step leaves a marker when it is complete, and steps without a
# marker run again from their beginning. Tracing stays off, and tokens travel in files, never on a command line.
set -euo pipefail
umask 022

root="${SPAWNPOINT_ROOT:-}"
retry_delay_s="${SPAWNPOINT_RETRY_DELAY_S:-10}"
lock_wait_s="${SPAWNPOINT_LOCK_WAIT_S:-600}"
exchange_wait_s="${SPAWNPOINT_EXCHANGE_WAIT_S:-900}"

etc="$root/etc/spawnpoint"
opt="$root/opt/spawnpoint"
lib="$root/var/lib/spawnpoint"
run="$root/run/spawnpoint"
agent_state="$lib/agent"
agent_user="spawnpoint-agent"
user="openclaw"
user_home="$root/var/lib/openclaw"
workspace_root="$root/opt/openclaw"
status_file="$lib/bootstrap.status"
step="reading its values"

export DEBIAN_FRONTEND=noninteractive
export HOME="${HOME:-/root}"

say() { printf '%s bootstrap: %s\n' "$(date -u +%FT%TZ)" "$*"; }

# Not exported: what apt, npm and git run has no business with the token.
# shellcheck source=/dev/null
. "$etc/bootstrap.env"
: "${BOT_ID:?}" "${CONTROL_PLANE_URL:?}"

mkdir -p "$lib/steps" "$lib/stages" "$lib/sent" "$run"

# shellcheck source=bootstrap/toolchain.sh
. "$opt/toolchain.sh"

# Tells the control plane how far we are. Every stage is first a file; before the exchange this script sends it by the
# registration token, afterwards (or where that fails) the agent sends what it finds. Never fails the bootstrap.
report() {
  local stage="$1" detail="${2:-}" number file
  number="$(find "$lib/stages" "$lib/sent" -name '*.json' | wc -l)"
  file="$(printf '%06d.json' "$((number + 1))")"
  detail="$(printf '%s' "$detail" | tr -cd 'A-Za-z0-9 ,._:/@+-' | cut -c1-400)"
  say "stage $stage${detail:+ ($detail)}"
  printf '{"stage":"%s","detail":"%s"}\n' "$stage" "$detail" >"$lib/$file.new" || return 0
  mv -f "$lib/$file.new" "$lib/stages/$file" || return 0
  if [[ -e $agent_state/registered || -z ${REGISTRATION_TOKEN:-} || ! -r $run/identity.env ]]; then return 0; fi
  local DROPLET_ID="" BOOT_ID=""
  # shellcheck source=/dev/null
  . "$run/identity.env"
  if printf '{"stage":"%s","detail":"%s","droplet_id":%s,"boot_id":"%s"}' "$stage" "$detail" "$DROPLET_ID" "$BOOT_ID" |
    curl -fsS -o /dev/null --connect-timeout 5 --max-time 15 -X POST -H @"$(token_header)" \
      -H 'Content-Type: application/json' --data-binary @- "$CONTROL_PLANE_URL/bot/$BOT_ID/stage"; then
    mv -f "$lib/stages/$file" "$lib/sent/$file" || true
  else
    say "stage $stage is left for the agent to report"
  fi
}

# Prints the path of a file with the bearer header, on tmpfs and for root only.
token_header() {
  (umask 077 && printf 'Authorization: Bearer %s\n' "$REGISTRATION_TOKEN" >"$run/header")
  printf '%s' "$run/header"
}

on_exit() {
  local code=$?
  rm -f "$run/header"
  if ((code == 0)); then return; fi
  printf 'failed in: %s\nexit_status: %s\nat: %s\n' "$step" "$code" "$(date -u +%FT%TZ)" >"$status_file"
  report failed "$step, exit status $code" || true
}
trap on_exit EXIT

# once <name> <function>: runs it unless an earlier run completed it.
once() {
  if [[ -e $lib/steps/$1 ]]; then return 0; fi
  step="$1"
  "$2"
  touch "$lib/steps/$1"
}

# retry <tries> <command…>
retry() {
  local tries="$1" try
  shift
  for ((try = 1; ; try++)); do
    if "$@"; then return 0; fi
    if ((try >= tries)); then return 1; fi
    say "try $try of $tries failed: $1"
    sleep "$retry_delay_s"
  done
}

# At a first boot the system's own updates hold these locks for minutes. apt waits by itself for dpkg's, and for none of
# the others; dpkg waits for none. Whoever comes between the look and the call is met by the next try.
await_package_locks() {
  local lock waited=0
  for lock in var/lib/dpkg/lock-frontend var/lib/dpkg/lock var/lib/apt/lists/lock var/cache/apt/archives/lock; do
    while is_locked "$root/$lock" && ((waited < lock_wait_s)); do
      if ((waited == 0)); then say "waiting for $lock"; fi
      sleep 1
      waited=$((waited + 1))
    done
  done
}

# A POSIX lock on the file, as apt and dpkg take them; flock(1) would not see one.
is_locked() {
  local inode
  inode="$(stat -c %i "$1" 2>/dev/null)" || return 1
  grep -qE "POSIX .*:$inode [0-9]+ (EOF|[0-9]+)$" "$root/proc/locks" 2>/dev/null
}

with_packages() {
  await_package_locks
  timeout 1800 "$@"
}

apt() { retry 5 with_packages apt-get -y -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold "$@"; }
npm_global() { retry 5 timeout 1800 npm install --global --no-fund --no-audit -- "$@"; }
download() { curl -fsSL --connect-timeout 10 --max-time 300 -o "$1" "$2"; }
as_user() { runuser -u "$user" -- env HOME="$user_home" PATH="$user_home/.cargo/bin:$PATH" "$@"; }

raise_wall() {
  if ! command -v ufw >/dev/null || ! command -v iptables >/dev/null; then
    apt update
    apt install ufw iptables
  fi
  ufw default deny incoming
  ufw default allow outgoing
  if [[ $FIREWALL_SSH == true ]]; then
    ufw limit 22/tcp
  else
    ufw delete limit 22/tcp || true
    ufw delete allow OpenSSH || true
  fi
  ufw --force enable
  retry 3 "$opt/guard.sh"
}

install_base_packages() {
  # A power cut may have left dpkg half way through.
  retry 5 with_packages dpkg --configure -a
  apt update
  apt install ca-certificates curl git gnupg logrotate
}

apt_keyring() {
  local name="$1" url="$2"
  mkdir -p "$root/etc/apt/keyrings" "$root/etc/apt/sources.list.d"
  retry 5 download "$run/$name.key" "$url"
  gpg --batch --yes --dearmor -o "$root/etc/apt/keyrings/$name.gpg" "$run/$name.key"
  chmod 0644 "$root/etc/apt/keyrings/$name.gpg"
  rm -f "$run/$name.key"
}

install_node() {
  local have
  have="$(node --version 2>/dev/null | sed -n 's/^v\([0-9]*\).*/\1/p' || true)"
  if ((${have:-0} >= TOOLCHAIN_NODE_MAJOR)); then return 0; fi
  apt_keyring nodesource https://deb.nodesource.com/gpgkey/nodesource-repo.gpg.key
  printf 'deb [signed-by=%s] https://deb.nodesource.com/node_%s.x nodistro main\n' \
    "$root/etc/apt/keyrings/nodesource.gpg" "$TOOLCHAIN_NODE_MAJOR" >"$root/etc/apt/sources.list.d/nodesource.list"
  apt update
  apt install nodejs
}

# The workload's user, and the agent's, whose files are nobody else's. Their homes are not below /home, so that their units
# can hide all homes. Each is in no group but its own.
make_user() {
  if ! id -u "$user" >/dev/null 2>&1; then
    useradd --system --user-group --create-home --home-dir /var/lib/openclaw --shell /usr/sbin/nologin "$user"
  fi
  if ! id -u "$agent_user" >/dev/null 2>&1; then
    useradd --system --user-group --no-create-home --home-dir /var/lib/spawnpoint/agent --shell /usr/sbin/nologin \
      "$agent_user"
  fi
  mkdir -p "$user_home" "$workspace_root"
  chown "$user:$user" "$user_home" "$workspace_root"
  chmod 0750 "$user_home"
}

agent_url_of() { case "$1" in /*) printf '%s%s' "$CONTROL_PLANE_URL" "$1" ;; *) printf '%s' "$1" ;; esac; }

# fetch_agent <url> <sha256>: leaves the file at $opt/agent.mjs.new only if it is, byte for byte, what was promised.
fetch_agent() {
  rm -f "$opt/agent.mjs.new"
  retry 3 download "$opt/agent.mjs.new" "$(agent_url_of "$1")" || return 1
  if printf '%s  %s\n' "$2" "$opt/agent.mjs.new" | sha256sum --check --status; then return 0; fi
  rm -f "$opt/agent.mjs.new"
  say "the downloaded agent is not the promised one: refused"
  return 1
}

json_field() { sed -n "s/.*\"$1\"[[:space:]]*:[[:space:]]*\"\([^\"\\\\]*\)\".*/\1/p" "$run/agent.json" | head -n 1; }

# For a droplet whose user-data was rendered before the control plane's latest deploy.
fetch_present_agent() {
  local url sha256
  say "asking the control plane for its present agent"
  retry 3 curl -fsS --connect-timeout 10 --max-time 30 -H @"$(token_header)" -o "$run/agent.json" \
    "$CONTROL_PLANE_URL/bot/$BOT_ID/agent" || return 1
  url="$(json_field url)"
  sha256="$(json_field sha256)"
  if [[ ! $sha256 =~ ^[0-9a-f]{64}$ ]]; then return 1; fi
  fetch_agent "$url" "$sha256"
}

# Another token than last time is a new life: this disk comes from a snapshot of an older droplet, whose credential and
# progress are not ours.
enrol() {
  if [[ -z $REGISTRATION_TOKEN ]]; then return 0; fi
  local enrolment
  enrolment="$(printf '%s' "$REGISTRATION_TOKEN" | sha256sum | cut -d' ' -f1)"
  if [[ $enrolment == "$(cat "$lib/enrolment" 2>/dev/null || true)" ]]; then return 0; fi
  if [[ -e $lib/enrolment ]]; then systemctl stop spawnpoint-agent.service || true; fi
  rm -rf "$agent_state" "$lib/steps" "$lib/stages" "$lib/sent"
  mkdir -p "$lib/steps" "$lib/stages" "$lib/sent"
  printf '%s\n' "$enrolment" >"$lib/enrolment"
}

# The agent's directory belongs to the agent's user, so root only ever renames into it: a planted link is replaced.
hand_over_token() {
  mkdir -p "$agent_state"
  chown "$agent_user:$agent_user" "$agent_state"
  chmod 0700 "$agent_state"
  if [[ -z $REGISTRATION_TOKEN || -e $agent_state/registered ]]; then return 0; fi
  (umask 077 && printf '%s' "$REGISTRATION_TOKEN" >"$lib/registration.token.new")
  chown "$agent_user:$agent_user" "$lib/registration.token.new"
  mv -fT "$lib/registration.token.new" "$agent_state/registration.token"
}

write_agent_env() {
  (
    umask 077
    cat >"$etc/agent.env.new" <<ENV
CONTROL_PLANE_URL=$CONTROL_PLANE_URL
BOT_ID=$BOT_ID
STATE_DIR=$agent_state
REGISTRATION_TOKEN_FILE=$agent_state/registration.token
BOOTSTRAP_STAGES_DIR=$lib/stages
WORKLOAD_COMMAND=openclaw
WORKLOAD_PORT=$WORKLOAD_PORT
WORKLOAD_READY_WINDOW_S=$WORKLOAD_READY_WINDOW_S
WORKLOAD_INSTALLED_FILE=$lib/steps/openclaw
WORKSPACE_DIR=$root$CUSTOMIZER_WORKSPACE_DIR
OPENCLAW_STATE_DIR=$user_home/.openclaw
HOME=$user_home
ENV
  )
  mv -f "$etc/agent.env.new" "$etc/agent.env"
}

install_agent() {
  if ! fetch_agent "$AGENT_URL" "$AGENT_SHA256" && ! fetch_present_agent; then
    say "no agent that can be trusted"
    return 1
  fi
  chmod 0644 "$opt/agent.mjs.new"
  mv -f "$opt/agent.mjs.new" "$opt/agent.mjs"
}

start_agent() {
  hand_over_token
  write_agent_env
  systemctl daemon-reload
  systemctl enable --now spawnpoint-launcher.socket
  systemctl enable spawnpoint-agent.service
  # Not `restart`: when this run repeats an earlier one, the agent and its workload may be up.
  systemctl start --no-block spawnpoint-agent.service
}

rotate_logs() {
  mkdir -p "$root/etc/logrotate.d"
  cat >"$root/etc/logrotate.d/spawnpoint" <<LOGROTATE
$root/var/log/spawnpoint/*.log {
  weekly
  maxsize 10M
  rotate 4
  compress
  missingok
  notifempty
  copytruncate
}
LOGROTATE
}

# The last word on the registration token: until the agent has exchanged it, the bootstrap is not over.
await_exchange() {
  step="waiting for the agent to register"
  local waited=0
  until [[ -e $agent_state/registered ]]; do
    if ((waited >= exchange_wait_s)); then
      say "the agent has not registered within $exchange_wait_s s"
      return 1
    fi
    sleep 1
    waited=$((waited + 1))
  done
}

# optional <name> <true|false> <function>: a step with a stage of its own, where the operator asked for it.
optional() {
  if [[ $2 != true || -e $lib/steps/$1 ]]; then return 0; fi
  once "$1" "$3"
  report "$1"
}

stage() {
  if [[ -e $lib/steps/$1 ]]; then return 0; fi
  once "$1" "$2"
  report "$1"
}

enrol
"$opt/identity.sh" || say "the droplet's identity is not known yet"
report started
stage firewall raise_wall
stage packages install_base_packages
stage node install_node
stage user make_user
stage agent install_agent
step="starting the agent"
start_agent
optional pnpm "$TOOLCHAIN_INSTALL_PNPM" install_pnpm
stage openclaw install_openclaw
optional rust "$TOOLCHAIN_INSTALL_RUST" install_rust
optional docker "$TOOLCHAIN_INSTALL_DOCKER" install_docker
stage extras install_extras
customize_workspace
once logs rotate_logs
await_exchange
step="scrubbing"
"$opt/guard.sh"
rm -f "$status_file"
report "done"
touch "$lib/bootstrap.done"
