#!/bin/bash
# Tells the agent which machine it is on; root runs this before every start of the agent. The droplet id is asked each
# time, and an earlier answer counts only where none comes, and only within the boot that it was given in: a droplet made
# from a snapshot of this one must report its own.
set -euo pipefail
umask 077

root="${SPAWNPOINT_ROOT:-}"
metadata="${SPAWNPOINT_METADATA_URL:-http://169.254.169.254}"
tries="${SPAWNPOINT_METADATA_TRIES:-20}"
delay_s="${SPAWNPOINT_RETRY_DELAY_S:-2}"

"$root/opt/spawnpoint/guard.sh" || echo "identity: the guard failed; the agent starts all the same" >&2

droplet_id=""
nonsense=""
for ((try = 1; try <= tries; try++)); do
  droplet_id="$(curl -fsS --noproxy '*' --connect-timeout 2 --max-time 5 "$metadata/metadata/v1/id" || true)"
  [[ $droplet_id =~ ^[1-9][0-9]*$ ]] && break
  nonsense="$nonsense$droplet_id"
  droplet_id=""
  if ((try < tries)); then sleep "$delay_s"; fi
done

mkdir -p "$root/run/spawnpoint"
chmod 0755 "$root/run/spawnpoint"
target="$root/run/spawnpoint/identity.env"
boot_id="$(tr -cd '0-9a-f-' <"$root/proc/sys/kernel/random/boot_id")"

# A droplet keeps its id for as long as it runs. Whoever answers something else is not believed, nor is the file then.
if [[ -z $droplet_id$nonsense && -n $boot_id ]] && grep -qxF "BOOT_ID=$boot_id" "$target" 2>/dev/null &&
  grep -qxE 'DROPLET_ID=[1-9][0-9]*' "$target"; then
  echo "identity: the metadata service does not answer; what it said earlier in this boot still holds" >&2
  exit 0
fi
if [[ -z $droplet_id ]]; then
  echo "identity: the metadata service names no droplet id after $tries tries" >&2
  exit 1
fi

printf 'DROPLET_ID=%s\nBOOT_ID=%s\n' "$droplet_id" "$boot_id" >"$target.new.$$"
# Before the bootstrap has made the user nobody but root has any use for this file.
if id -u spawnpoint-agent >/dev/null 2>&1; then chown root:spawnpoint-agent "$target.new.$$"; fi
chmod 0640 "$target.new.$$"
mv -f "$target.new.$$" "$target"
