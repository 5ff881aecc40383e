/** A region, as `GET /v2/regions` shows it. */
export interface Region {
  readonly name: string;
  readonly slug: string;
  readonly features: readonly string[];
  readonly available: boolean;
  readonly sizes: readonly string[];
}

/** A size, as `GET /v2/sizes` shows it. Memory in MB, disk in GB, transfer in TB, prices in USD. */
export interface Size {
  readonly slug: string;
  readonly memory: number;
  readonly vcpus: number;
  readonly disk: number;
  readonly transfer: number;
  readonly price_monthly: number;
  readonly price_hourly: number;
  readonly regions: readonly string[];
  readonly available: boolean;
  readonly description: string;
}

/** An image, as `GET /v2/images` shows it. */
export interface Image {
  readonly id: number;
  readonly name: string;
  readonly distribution: string;
  readonly slug: string | null;
  readonly public: boolean;
  readonly regions: readonly string[];
  readonly created_at: string;
  readonly type: "base" | "snapshot";
  readonly min_disk_size: number;
  readonly size_gigabytes: number;
  readonly description: string;
  readonly tags: readonly string[];
  readonly status: "available";
  readonly error_message: string;
}

const REGION_NAMES = [
  ["nyc1", "New York 1"],
  ["nyc2", "New York 2"],
  ["nyc3", "New York 3"],
  ["ams3", "Amsterdam 3"],
  ["blr1", "Bangalore 1"],
  ["fra1", "Frankfurt 1"],
  ["lon1", "London 1"],
  ["sfo3", "San Francisco 3"],
  ["sgp1", "Singapore 1"],
  ["syd1", "Sydney 1"],
  ["tor1", "Toronto 1"],
] as const;

/** Exists and is listed, but takes no new droplets. */
const CLOSED_REGION = "nyc2";
/** The regions of the one size that is not sold everywhere. */
const CPU_REGIONS = ["nyc1", "nyc3", "ams3", "fra1"];
const OPEN_REGIONS = REGION_NAMES.map(([slug]) => slug).filter((slug) => slug !== CLOSED_REGION);

const FEATURES = ["backups", "ipv6", "metadata", "install_agent", "storage", "image_transfer"];

function size(slug: string, memory: number, vcpus: number, disk: number, transfer: number, price: number): Size {
  const dedicated = slug.startsWith("c-");
  return {
    slug,
    memory,
    vcpus,
    disk,
    transfer,
    price_monthly: price,
    // The real API answers with the float32 of price / 672 h, artefacts included.
    price_hourly: Math.fround(price / 672),
    regions: dedicated ? CPU_REGIONS : OPEN_REGIONS,
    available: true,
    description: dedicated ? "CPU-Optimized" : "Basic",
  };
}

function ubuntu(id: number, name: string, slug: string): Image {
  return {
    id,
    name,
    distribution: "Ubuntu",
    slug,
    public: true,
    regions: OPEN_REGIONS,
    created_at: "2026-05-15T05:47:50Z",
    type: "base",
    min_disk_size: 7,
    size_gigabytes: 2.36,
    description: `Ubuntu ${name}`,
    tags: [],
    status: "available",
    error_message: "",
  };
}

export const SIZES: readonly Size[] = [
  size("s-1vcpu-512mb-10gb", 512, 1, 10, 0.5, 4),
  size("s-1vcpu-1gb", 1024, 1, 25, 1, 6),
  size("s-1vcpu-2gb", 2048, 1, 50, 2, 12),
  size("s-2vcpu-2gb", 2048, 2, 60, 3, 18),
  size("s-2vcpu-4gb", 4096, 2, 80, 4, 24),
  size("s-4vcpu-8gb", 8192, 4, 160, 5, 48),
  size("c-2", 4096, 2, 25, 4, 42),
];

export const REGIONS: readonly Region[] = REGION_NAMES.map(([slug, name]) => ({
  name,
  slug,
  features: FEATURES,
  available: slug !== CLOSED_REGION,
  sizes: SIZES.filter((each) => each.regions.includes(slug)).map((each) => each.slug),
}));

export const IMAGES: readonly Image[] = [
  ubuntu(129_211_873, "22.04 (LTS) x64", "ubuntu-22-04-x64"),
  ubuntu(155_133_621, "24.04 (LTS) x64", "ubuntu-24-04-x64"),
  { ...ubuntu(136_493_716, "12 x64", "debian-12-x64"), distribution: "Debian", description: "Debian 12 x64" },
];

const REGION_BY_SLUG = new Map(REGIONS.map((each) => [each.slug, each]));
const SIZE_BY_SLUG = new Map(SIZES.map((each) => [each.slug, each]));
const IMAGE_BY_KEY = new Map<number | string, Image>(
  IMAGES.flatMap((each) => [[each.id, each] as const, [each.slug ?? each.id, each] as const]),
);

/** Looks a region up by its slug; `undefined` if there is no such region. */
export function regionBySlug(slug: string): Region | undefined {
  return REGION_BY_SLUG.get(slug);
}

/** Looks a size up by its slug. */
export function sizeBySlug(slug: string): Size | undefined {
  return SIZE_BY_SLUG.get(slug);
}

/** Looks an image up by numeric id or by slug. */
export function imageByKey(key: number | string): Image | undefined {
  return IMAGE_BY_KEY.get(key);
}
