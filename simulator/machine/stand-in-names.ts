/**
 * The programs that are replaced on a machine, since on the host they would change it. What they do instead is in
 * `standins/dispatch.sh`; most only write down that they were called.
 */
export const STAND_IN_NAMES = [
  ["apt", "apt-get", "apt-key", "apt-mark", "add-apt-repository", "dpkg", "gpg", "snap", "unattended-upgrade"],
  ["systemctl", "journalctl", "cloud-init", "loginctl", "timedatectl", "hostnamectl", "systemd-tmpfiles"],
  ["reboot", "shutdown", "poweroff", "halt"],
  ["ufw", "iptables", "ip6tables", "nft", "sysctl", "modprobe", "netfilter-persistent"],
  ["useradd", "adduser", "usermod", "groupadd", "addgroup", "passwd", "chpasswd", "id", "getent"],
  ["chown", "chgrp", "install", "runuser", "sudo", "su", "setpriv", "chattr", "setfacl"],
  ["mount", "umount", "swapon", "swapoff", "mkswap", "fallocate", "logrotate", "crontab"],
  ["npm", "npx", "corepack", "pnpm", "docker", "git", "curl", "rustup", "cargo"],
].flat();
