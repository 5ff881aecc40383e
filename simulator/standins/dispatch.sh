#!/bin/bash
# Stands in, on a simulated machine, for the programs that would change the host: `dispatch.sh <program> <arguments>`.
# Every call is written down. What has an effect has it below SPAWNPOINT_ROOT or in the machine's own directory,
# SPAWNPOINT_MACHINE, and nowhere else.
set -uo pipefail

name="$1"
shift
root="${SPAWNPOINT_ROOT:?}"
machine="${SPAWNPOINT_MACHINE:?}"
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
host_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
openclaw_version="2026.9.6"

write_down() {
  local word line="$name"
  for word in "$@"; do
    case "$word" in
      *TOKEN=* | *KEY=* | *SECRET=* | *PASSWORD=* | *sp_reg_* | *sp_agt_* | *_authToken* | *://*@* | *Bearer*) word="[redacted]" ;;
      PATH=*) word="PATH=..." ;;
    esac
    line+=" $(printf '%q' "$word")"
  done
  mkdir -p "$root/var/log"
  printf '%s %s\n' "$(date -u +%FT%TZ)" "$line" >>"$root/var/log/standins.log"
}

# A path of the machine, as a path of the host.
inside() { case "$1" in "$root" | "$root"/*) printf '%s' "$1" ;; *) printf '%s/%s' "$root" "${1#/}" ;; esac; }

# Asks the machine's init. Its answer is an exit code on the first line and text on the others.
ask_init() {
  local answer code
  answer="$(printf '%s\0' "$@" |
    PATH="$host_path" curl -sS --noproxy '*' --data-binary @- "$(cat "$machine/init-url")" && printf .)" || exit 1
  answer="${answer%.}"
  code="${answer%%$'\n'*}"
  printf '%s' "${answer#*$'\n'}"
  exit "$code"
}

# The arguments that are no options; those of the options named in $1 (a pattern) swallow the next one.
plain_words() {
  local takes_value="$1" word skip=""
  shift
  words=()
  for word in "$@"; do
    if [[ -n $skip ]]; then skip=""; continue; fi
    if [[ $word == -* ]]; then
      if [[ $word =~ ^($takes_value)$ ]]; then skip=1; fi
      continue
    fi
    words+=("$word")
  done
}

known_user() { [[ -f $machine/users ]] && grep -q "^$1:" "$machine/users"; }

# Runs a command with the user left out: everything on this machine belongs to whoever runs the simulator.
run_as() {
  local command=""
  while (($# > 0)); do
    case "$1" in
      --) shift && break ;;
      -c | --command) command="$2" && shift 2 ;;
      -u | -g | -s | --user | --group | --shell | --reuid | --regid) shift 2 ;;
      -*) shift ;;
      *=*) break ;;
      *) if [[ $name == su || ( $name == runuser && -n $command ) ]] || known_user "$1"; then shift; else break; fi ;;
    esac
  done
  if [[ -n $command ]]; then exec /bin/bash -c "$command"; fi
  if (($# == 0)); then exit 0; fi
  exec env "$@"
}

add_user() {
  local home="" user="${!#}" previous="" word
  for word in "$@"; do
    case "$previous" in -d | --home-dir | --home) home="$word" ;; esac
    case "$word" in --home-dir=* | --home=*) home="${word#*=}" ;; esac
    previous="$word"
  done
  if known_user "$user"; then exit 9; fi
  mkdir -p "$(inside "${home:-/home/$user}")"
  printf '%s:%s\n' "$user" "${home:-/home/$user}" >>"$machine/users"
}

# root as far as a script can tell, and the users that were added here.
show_id() {
  local user=""
  if (($# > 0)) && [[ ${!#} != -* ]]; then user="${!#}"; fi
  if [[ -n $user && $user != root ]]; then
    if ! known_user "$user"; then
      echo "id: '$user': no such user" >&2
      exit 1
    fi
    case "${1:-}" in
      -un | -gn) echo "$user" ;;
      -*) echo 998 ;;
      *) echo "uid=998($user) gid=998($user) groups=998($user)" ;;
    esac
    return
  fi
  case "${1:-}" in
    -un | -gn | -nu) echo root ;;
    -*) echo 0 ;;
    *) echo "uid=0(root) gid=0(root) groups=0(root)" ;;
  esac
}

look_up() {
  local home
  if [[ ${1:-} != passwd && ${1:-} != group ]] || (($# < 2)); then exec env PATH="$host_path" getent "$@"; fi
  if ! known_user "$2"; then exec env PATH="$host_path" getent "$@"; fi
  home="$(sed -n "s/^$2://p" "$machine/users" | head -n 1)"
  if [[ $1 == passwd ]]; then echo "$2:x:998:998::$home:/usr/sbin/nologin"; else echo "$2:x:998:"; fi
}

# Owners are dropped, everything else is the host's `install`.
install_files() {
  local -a kept=()
  while (($# > 0)); do
    case "$1" in
      -o | -g | --owner | --group) shift ;;
      --owner=* | --group=*) ;;
      *) kept+=("$1") ;;
    esac
    shift
  done
  PATH="$host_path" exec install "${kept[@]}"
}

# Rules live in the kernel: they are gone after a reboot, like all of /run.
packet_filter() {
  local rules="$root/run/standin-$name" word rule=""
  for word in "$@"; do
    case "$word" in -w | -I | -A | -C | -D | [0-9]*) ;; *) rule+=" $word" ;; esac
  done
  case " $* " in
    *" -L DOCKER-USER "*) exit 1 ;;
    *" -C "*) [[ -f $rules ]] && grep -qxF -- "$rule" "$rules" ;;
    *" -I "* | *" -A "*) printf '%s\n' "$rule" >>"$rules" ;;
  esac
}

firewall() {
  local state="$root/etc/ufw.enabled"
  case " $* " in
    *" enable "*) mkdir -p "$root/etc" && touch "$state" ;;
    *" disable "*) rm -f "$state" ;;
    *" status "*) if [[ -e $state ]]; then echo "Status: active"; else echo "Status: inactive"; fi ;;
  esac
}

decrypt() {
  local target="" previous="" word
  for word in "$@"; do
    case "$previous" in -o | --output) target="$(inside "$word")" ;; esac
    previous="$word"
  done
  if [[ -z $target ]]; then return; fi
  plain_words "-o|--output" "$@"
  if ((${#words[@]} > 0)); then cat "$(inside "${words[-1]}")" >"$target"; else cat >"$target"; fi
}

# What the bootstrap may download from third parties. Everything else is the host's `curl`.
download() {
  local target="" url="" previous="" word text
  for word in "$@"; do
    case "$previous" in -o | --output) target="$(inside "$word")" ;; esac
    case "$word" in http://* | https://*) url="$word" ;; esac
    previous="$word"
  done
  local rustup=$'#!/bin/bash\nmkdir -p "$HOME/.cargo/bin"\n'
  case "$url" in
    https://static.rust-lang.org/*.sha256) text="$(printf '%s' "$rustup" | sha256sum | cut -d' ' -f1) *rustup-init"$'\n' ;;
    https://static.rust-lang.org/*) text="$rustup" ;;
    https://deb.nodesource.com/* | https://download.docker.com/*) text=$'a signing key\n' ;;
    *) PATH="$host_path" exec curl "$@" ;;
  esac
  if [[ -n $target ]]; then printf '%s' "$text" >"$target"; else printf '%s' "$text"; fi
}

# Docker brings a unit along.
install_packages() {
  case " $* " in *" docker-ce "*) ;; *) return ;; esac
  printf '%s\n' '[Service]' 'ExecStart=/bin/sleep infinity' '[Install]' 'WantedBy=multi-user.target' \
    >"$root/usr/lib/systemd/system/docker.service"
}

# A program below the sandbox that comes back here.
put_program() {
  local target="$1" program="$2"
  mkdir -p "$(dirname "$target")"
  printf '#!/bin/bash\nexport SPAWNPOINT_ROOT=%q SPAWNPOINT_MACHINE=%q\nexec /bin/bash %q %s "$@"\n' \
    "$root" "$machine" "$here/dispatch.sh" "$program" >"$target.new"
  chmod 0755 "$target.new"
  mv -f "$target.new" "$target"
}

node_packages() {
  local prefix="$root/usr" previous="" word package version
  for word in "$@"; do
    if [[ $previous == --prefix ]]; then prefix="$(inside "$word")"; fi
    case "$word" in --prefix=*) prefix="$(inside "${word#*=}")" ;; esac
    previous="$word"
  done
  plain_words "--prefix|--registry|--loglevel" "$@"
  case "${words[0]:-}${1:-}" in
    *--version | -v) echo "11.6.0" ;;
    root*) echo "$prefix/lib/node_modules" ;;
    prefix*) echo "$prefix" ;;
    install* | i-* | add*)
      case " $* " in *" -g "* | *" --global "*) ;; *) return ;; esac
      for word in "${words[@]:1}"; do
        package="${word%@*}"
        if [[ -z $package ]]; then package="$word"; fi
        version="${word#"$package"}"
        version="${version#@}"
        if [[ -z $version || $version == latest ]]; then version="$openclaw_version"; fi
        mkdir -p "$prefix/lib/node_modules/$package"
        printf '{"name":"%s","version":"%s"}\n' "$package" "$version" >"$prefix/lib/node_modules/$package/package.json"
        if [[ $package == openclaw ]]; then put_program "$prefix/bin/openclaw" openclaw; fi
      done
      ;;
  esac
}

# The only repository that a bootstrap clones is the customizer's.
clone() {
  plain_words "-b|--branch|--depth|--origin|-C|-c" "$@"
  if [[ ${words[0]:-} != clone ]]; then
    case "${words[0]:-}" in rev-parse) echo 0000000000000000000000000000000000000000 ;; esac
    return
  fi
  local target="${words[2]:-$(basename "${words[1]:-repository}" .git)}"
  case "$target" in /*) target="$(inside "$target")" ;; esac
  mkdir -p "$target/bin" "$target/.git"
  printf '{"name":"janebot-cli","version":"0.0.0","type":"module"}\n' >"$target/package.json"
  cp "$here/janebot-cli.js" "$target/bin/janebot-cli.js"
}

run_openclaw() {
  local chosen
  # In a file, since an agent hands on only the variables that it knows.
  chosen="$(cat "$machine/openclaw" 2>/dev/null)"
  case "$chosen" in
    real) PATH="$host_path:$(dirname "$(readlink -f "$machine/programs/node")")" exec openclaw "$@" ;;
    /*) exec "$chosen" "$@" ;;
  esac
  local version
  version="$(sed -n 's/.*"version":"\([^"]*\)".*/\1/p' "$root"/usr/lib/node_modules/openclaw/package.json 2>/dev/null)"
  SPAWNPOINT_SIM_OPENCLAW_VERSION="${version:-$openclaw_version}" exec "$machine/programs/node" "$here/openclaw.ts" "$@"
}

write_down "$@"
case "$name" in
  systemctl) ask_init "$@" ;;
  curl) download "$@" ;;
  apt | apt-get) install_packages "$@" ;;
  reboot) ask_init reboot ;;
  poweroff | halt) ask_init poweroff ;;
  shutdown) case " $* " in *" -r "*) ask_init reboot ;; *" -c "*) ;; *) ask_init poweroff ;; esac ;;
  id) show_id "$@" ;;
  getent) look_up "$@" ;;
  useradd | adduser) add_user "$@" ;;
  runuser | sudo | su | setpriv) run_as "$@" ;;
  install) install_files "$@" ;;
  iptables | ip6tables) packet_filter "$@" ;;
  nft) case " $* " in *" list "*) exit 1 ;; esac ;;
  ufw) firewall "$@" ;;
  gpg) decrypt "$@" ;;
  dpkg) case " $* " in *" --print-architecture "*) echo amd64 ;; esac ;;
  npm | pnpm) node_packages "$@" ;;
  git) clone "$@" ;;
  openclaw) run_openclaw "$@" ;;
  cloud-init) case " $* " in *" status "*) echo "status: done" ;; esac ;;
  journalctl) cat "$root"/var/log/journal/*.log 2>/dev/null || true ;;
esac
