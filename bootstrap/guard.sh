#!/bin/bash
# Keeps the droplet's user-data from everybody but root: the metadata service answers root only, and once the agent has
# exchanged its registration token, the copies that cloud-init keeps on disk are removed. Harmless to repeat; root runs
# it in the bootstrap and before every start of the agent, because rules and copies do not both survive a reboot.
set -euo pipefail

root="${SPAWNPOINT_ROOT:-}"
metadata_ip="169.254.169.254"

ensure_rule() {
  iptables -w 30 -C "$@" 2>/dev/null || iptables -w 30 -I "$@"
}

ensure_rule OUTPUT -d "$metadata_ip" -m owner ! --uid-owner 0 -j REJECT
# Containers are forwarded, not local: they never meet OUTPUT.
if iptables -w 30 -n -L DOCKER-USER >/dev/null 2>&1; then
  ensure_rule DOCKER-USER -d "$metadata_ip" -j REJECT
fi

[[ -e "$root/var/lib/spawnpoint/agent/registered" ]] || exit 0

shopt -s nullglob
for copy in \
  "$root"/var/lib/cloud/instances/*/user-data.txt* \
  "$root"/var/lib/cloud/instances/*/scripts/part-* \
  "$root"/var/lib/cloud/instances/*/obj.pkl \
  "$root"/var/lib/cloud/instance/user-data.txt* \
  "$root"/run/cloud-init/instance-data-sensitive.json; do
  rm -f "$copy"
done

# One at a time, under one name: what a power cut has left half written is written over.
mkdir -p "$root/run/spawnpoint"
exec 9>"$root/run/spawnpoint/guard.lock"
flock 9
values="$root/etc/spawnpoint/bootstrap.env"
if [[ -f $values ]] && grep -q "^REGISTRATION_TOKEN='.\+'$" "$values"; then
  umask 077
  sed "s/^REGISTRATION_TOKEN=.*/REGISTRATION_TOKEN=''/" "$values" >"$values.new"
  mv -f "$values.new" "$values"
fi
