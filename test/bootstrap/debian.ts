/** A Debian of its own: made once by debootstrap, and run under a real systemd as the first process of new namespaces. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const SUITE = "bookworm";
const PACKAGES = "systemd,systemd-sysv,dbus,iproute2,iptables,ufw,curl,git,gnupg,ca-certificates,logrotate";
const cache = resolve("node_modules/.cache/debian-root", SUITE);
const BOOT_PATIENCE_MS = 120_000;

/** Makes the root that every machine begins with. */
export function install(): void {
  if (existsSync(cache)) return;
  if (spawnSync("debootstrap", ["--version"]).error !== undefined) {
    execFileSync("apt-get", ["update", "-q"], { stdio: "inherit" });
    execFileSync("apt-get", ["install", "-yq", "--no-install-recommends", "debootstrap"], { stdio: "inherit" });
  }
  const half = `${cache}.installing`;
  rmSync(half, { recursive: true, force: true });
  mkdirSync(dirname(half), { recursive: true });
  execFileSync("debootstrap", ["--variant=minbase", `--include=${PACKAGES}`, SUITE, half], { stdio: "inherit" });
  // Droplets have it from the distribution's Node repository.
  cpSync(process.execPath, join(half, "usr/bin/node"));
  renameSync(half, cache);
}

/** Mounts are the namespace's own: nothing of them outlives the machine. `/dev` is no part of the host's. */
const ENTER = `set -e
root=$1 disk=$2 base=$3
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$base,upperdir=$disk/up,workdir=$disk/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
for name in null zero full random urandom tty; do
  touch "$root/dev/$name"
  mount --bind "/dev/$name" "$root/dev/$name"
done
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs tmpfs "$root/dev/shm"
hostname droplet
ip link set lo up
ip address add 198.18.0.1/32 dev lo
ip address add 169.254.169.254/32 dev lo
cd "$root"
mkdir -p .old
pivot_root . .old
umount -l /.old
exec env -i container=spawnpoint PATH=/usr/sbin:/usr/bin:/sbin:/bin /sbin/init
`;

export class Machine {
  readonly #directory = mkdtempSync(join(tmpdir(), "spawnpoint-debian-"));
  readonly #unshare: ChildProcess;
  #init = 0;

  constructor() {
    for (const name of ["root", "disk/up", "disk/work"]) mkdirSync(join(this.#directory, name), { recursive: true });
    const script = join(this.#directory, "enter");
    writeFileSync(script, ENTER);
    const namespaces = ["--pid", "--mount", "--uts", "--ipc", "--cgroup", "--net", "--fork", "--kill-child"];
    const places = [join(this.#directory, "root"), join(this.#directory, "disk"), cache];
    this.#unshare = spawn("unshare", [...namespaces, "bash", script, ...places], { stdio: ["ignore", "pipe", "pipe"] });
  }

  /** Until systemd has started all that it is to start. */
  async boot(): Promise<this> {
    const deadline = Date.now() + BOOT_PATIENCE_MS;
    for (;;) {
      const { pid, exitCode } = this.#unshare;
      if (exitCode !== null || pid === undefined) throw new Error(`the machine did not boot: ${exitCode}`);
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
      this.#init = Number(children);
      if (this.#init > 0 && this.run("systemctl", "is-system-running").stdout.trim() === "running") return this;
      if (Date.now() > deadline) throw new Error(`systemd is not up: ${this.run("systemctl", "--failed").stdout}`);
      await sleep(200);
    }
  }

  /** Runs a command as the machine's root, and waits for it. */
  run(...words: string[]): { code: number | null; stdout: string; stderr: string } {
    const enter = ["-t", String(this.#init), "-m", "-u", "-i", "-n", "-p", "-C", "--"];
    const { status, stdout, stderr } = spawnSync("nsenter", [...enter, ...words], { encoding: "utf8" });
    return { code: status, stdout, stderr };
  }

  write(path: string, text: string, mode = 0o644): void {
    const script = 'mkdir -p "$(dirname "$1")" && cat >"$1" && chmod "$2" "$1"';
    const enter = ["-t", String(this.#init), "-m", "--", "bash", "-c", script, "write", path, mode.toString(8)];
    execFileSync("nsenter", enter, { input: text });
  }

  /** In good order; its disk can be read afterwards. */
  async powerOff(): Promise<void> {
    const ended = new Promise((done) => this.#unshare.once("exit", done));
    this.run("systemctl", "poweroff");
    await ended;
  }

  /** What has been written to the disk of a machine that is off. */
  readDisk(path: string): string {
    return readFileSync(join(this.#directory, "disk/up", path), "utf8");
  }

  async dispose(): Promise<void> {
    const ended = new Promise((done) => this.#unshare.once("exit", done));
    if (this.#unshare.exitCode !== null || this.#unshare.signalCode !== null) {
      rmSync(this.#directory, { recursive: true, force: true });
      return;
    }
    // With the first process of its namespace everything ends.
    this.#unshare.kill("SIGKILL");
    await ended;
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
