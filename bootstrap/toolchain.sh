# shellcheck shell=bash
# The long tail of the bootstrap, sourced by it: what is installed under the agent's eyes, after the agent runs. Uses the
# helpers and the paths of bootstrap.sh.
# shellcheck disable=SC2154,SC2034

# Fills the array `words` from a space-separated list: no glob, no expansion, and options are refused.
split_list() {
  read -ra words <<<"$1" || true
  local word
  for word in ${words[@]+"${words[@]}"}; do
    if [[ $word == -* ]]; then
      say "refused: an option in a list of packages"
      return 1
    fi
  done
}

install_pnpm() { npm_global "pnpm@${TOOLCHAIN_PNPM_VERSION:-latest}"; }

install_rust() {
  local base promised init="$user_home/rustup-init"
  base="https://static.rust-lang.org/rustup/dist/$(uname -m)-unknown-linux-gnu/rustup-init"
  apt install build-essential
  retry 5 as_user curl -fsSL --connect-timeout 10 --max-time 300 -o "$init" "$base"
  retry 5 as_user curl -fsSL --connect-timeout 10 --max-time 60 -o "$init.sha256" "$base.sha256"
  promised="$(as_user cut -d' ' -f1 "$init.sha256")"
  if [[ $promised != "$(as_user sha256sum "$init" | cut -d' ' -f1)" ]]; then
    say "rustup-init is not the promised one: refused"
    return 1
  fi
  as_user chmod 0700 "$init"
  retry 3 as_user "$init" -y --profile minimal --no-modify-path --default-toolchain "$TOOLCHAIN_RUST_TOOLCHAIN"
  as_user rm -f "$init" "$init.sha256"
}

install_docker() {
  local codename
  # shellcheck source=/dev/null
  codename="$(. "$root/etc/os-release" && printf '%s' "$VERSION_CODENAME")"
  apt_keyring docker https://download.docker.com/linux/ubuntu/gpg
  printf 'deb [arch=%s signed-by=%s] https://download.docker.com/linux/ubuntu %s stable\n' \
    "$(dpkg --print-architecture)" "$root/etc/apt/keyrings/docker.gpg" "$codename" \
    >"$root/etc/apt/sources.list.d/docker.list"
  apt update
  apt install docker-ce docker-ce-cli containerd.io docker-compose-plugin
  systemctl enable docker.service
  systemctl start docker.service
  "$opt/guard.sh"
}

install_extras() {
  local -a words
  split_list "$TOOLCHAIN_EXTRA_APT_PACKAGES"
  if ((${#words[@]} > 0)); then apt install -- "${words[@]}"; fi
  split_list "$TOOLCHAIN_GLOBAL_NPM_PACKAGES"
  if ((${#words[@]} > 0)); then npm_global "${words[@]}"; fi
  split_list "$TOOLCHAIN_CARGO_CRATES"
  if ((${#words[@]} > 0)) && [[ $TOOLCHAIN_INSTALL_RUST == true ]]; then
    retry 3 as_user cargo install --locked -- "${words[@]}"
  fi
}

install_openclaw() { npm_global "openclaw@$WORKLOAD_VERSION"; }

# A third party's code: fetched, built and run by the bot's own user, never by root.
run_customizer() {
  local tool="$workspace_root/tools/customizer" workspace="$root$CUSTOMIZER_WORKSPACE_DIR"
  local -a flags=()
  if [[ $CUSTOMIZER_SKIP_QMD == true ]]; then flags+=(--skip-qmd); fi
  if [[ $CUSTOMIZER_SKIP_CRON == true ]]; then flags+=(--skip-cron); fi
  if [[ $CUSTOMIZER_SKIP_GIT == true ]]; then flags+=(--skip-git); fi
  if [[ $CUSTOMIZER_SKIP_HEARTBEAT == true ]]; then flags+=(--skip-heartbeat); fi
  cd "$workspace_root" &&
    as_user rm -rf "$tool" &&
    as_user mkdir -p "$workspace_root/tools" "$workspace" &&
    as_user timeout 300 git clone --quiet --no-checkout -- "$CUSTOMIZER_REPO_URL" "$tool" &&
    cd "$tool" &&
    as_user git checkout --quiet --force "$CUSTOMIZER_REF" &&
    as_user timeout 900 npm ci --no-fund --no-audit &&
    as_user timeout 300 node bin/janebot-cli.js init -d "$workspace" --yes --force \
      --agent-name "$CUSTOMIZER_AGENT_NAME" --owner-name "$CUSTOMIZER_OWNER_NAME" ${flags[@]+"${flags[@]}"}
}

# Best effort: a failure is recorded and reported, and tried again by the next run, for it leaves no marker.
customize_workspace() {
  if [[ -e $lib/steps/customizer ]]; then return 0; fi
  step="customizer"
  if [[ -z $CUSTOMIZER_REPO_URL ]]; then return 0; fi
  local code=0
  (run_customizer) </dev/null || code=$?
  printf 'repo_url: %s\nref: %s\nworkspace_dir: %s\nexit_status: %s\nfinished_at: %s\n' "$CUSTOMIZER_REPO_URL" \
    "$CUSTOMIZER_REF" "$CUSTOMIZER_WORKSPACE_DIR" "$code" "$(date -u +%FT%TZ)" >"$lib/customizer.status"
  if ((code == 0)); then
    touch "$lib/steps/customizer"
    report customizer
  else
    report customizer "failed with exit status $code, the bot runs without it"
  fi
}
