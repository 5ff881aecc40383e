/** A Debian of its own: made once by debootstrap, and run under a real systemd as the first process of new namespaces. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer, type Server } from "node:net";
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

/** A server of the host's, on its loopback interface, as the machine reaches it. */
interface Service {
  /** One of the machine's own addresses. */
  address: string;
  /** Of both. */
  port: number;
  host_port: number;
}

/** Runs in the machine's network and on the host's disk: what comes in goes on to a socket that is a file. */
const RELAY = `const net = require("node:net");
const [path, address, port] = process.argv.slice(1);
const server = net.createServer((near) => {
  const far = net.connect(path);
  near.pipe(far).pipe(near);
  for (const [one, other] of [[near, far], [far, near]]) one.on("error", () => other.destroy());
});
const listen = () => server.listen(Number(port), address, () => console.log("listening"));
// The machine may not have its addresses yet.
server.on("error", () => setTimeout(listen, 100));
listen();`;

export class Machine {
  readonly #directory = mkdtempSync(join(tmpdir(), "spawnpoint-debian-"));
  readonly #services: Service[] = [];
  readonly #relays: { near: Server; far: ChildProcess }[] = [];
  #unshare: ChildProcess;
  #init = 0;

  constructor() {
    for (const name of ["root", "disk/up", "disk/work"]) mkdirSync(join(this.#directory, name), { recursive: true });
    writeFileSync(join(this.#directory, "enter"), ENTER);
    // Its /dev is made already, and nobody may make devices here.
    const units = join(this.disk, "etc/systemd/system");
    mkdirSync(units, { recursive: true });
    symlinkSync("/dev/null", join(units, "systemd-tmpfiles-setup-dev.service"));
    this.#unshare = this.#switchOn();
  }

  /** What it has written to its disk, as a directory of the host. */
  get disk(): string {
    return join(this.#directory, "disk/up");
  }

  /** Until systemd has started all that it is to start. */
  async boot(): Promise<this> {
    await this.#until("systemd is up", () => this.run("systemctl", "is-system-running").stdout.trim() === "running");
    return this;
  }

  /** Nothing gets to end; the disk stays. It is on again, and reaches what it reached, but has not started anything yet. */
  async powerCut(): Promise<void> {
    await this.#cut();
    this.#unshare = this.#switchOn();
    for (const service of this.#services) await this.#connect(service);
  }

  /** In good order; its disk can be read afterwards. */
  async powerOff(): Promise<void> {
    const ended = once(this.#unshare, "exit");
    this.run("systemctl", "poweroff");
    await ended;
  }

  /** What has been written to the disk of a machine that is off. */
  readDisk(path: string): string {
    return readFileSync(join(this.disk, path), "utf8");
  }

  async reach(service: Service): Promise<void> {
    this.#services.push(service);
    await this.#connect(service);
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

  async dispose(): Promise<void> {
    await this.#cut();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #switchOn(): ChildProcess {
    const namespaces = ["--pid", "--mount", "--uts", "--ipc", "--cgroup", "--net", "--fork", "--kill-child"];
    const places = [join(this.#directory, "root"), join(this.#directory, "disk"), cache];
    const words = [...namespaces, "bash", join(this.#directory, "enter"), ...places];
    this.#init = 0;
    return spawn("unshare", words, { stdio: ["ignore", "pipe", "pipe"] });
  }

  async #cut(): Promise<void> {
    for (const { near, far } of this.#relays.splice(0)) {
      near.close();
      far.kill("SIGKILL");
    }
    if (this.#unshare.exitCode !== null || this.#unshare.signalCode !== null) return;
    const ended = once(this.#unshare, "exit");
    // With the first process of its namespace everything ends.
    this.#unshare.kill("SIGKILL");
    await ended;
  }

  async #connect({ address, port, host_port }: Service): Promise<void> {
    // Its addresses are there once its first process is systemd.
    await this.#until("its network is up", () => this.run("systemctl", "is-system-running").stdout.trim() !== "");
    const path = join(this.#directory, `${address}-${port}.sock`);
    rmSync(path, { force: true });
    const near = createServer((socket) => {
      const server = connect(host_port, "127.0.0.1");
      socket.pipe(server).pipe(socket);
      socket.on("error", () => server.destroy());
      server.on("error", () => socket.destroy());
    }).listen(path);
    const enter = ["-t", String(this.#init), "-n", "--", process.execPath, "-e", RELAY, path, address, String(port)];
    const far = spawn("nsenter", enter, { stdio: ["ignore", "pipe", "inherit"] });
    this.#relays.push({ near, far });
    await once(far.stdout, "data");
  }

  async #until(what: string, holds: () => boolean): Promise<void> {
    for (const deadline = Date.now() + BOOT_PATIENCE_MS; ; await sleep(200)) {
      const { pid, exitCode } = this.#unshare;
      if (exitCode !== null || pid === undefined) throw new Error(`the machine did not boot: ${exitCode}`);
      this.#init = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim());
      if (this.#init > 0 && holds()) return;
      if (Date.now() > deadline) throw new Error(`in vain until ${what}: ${this.run("systemctl", "--failed").stdout}`);
    }
  }
}
