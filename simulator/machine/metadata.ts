import type { DropletView } from "../model/views.ts";

/** What the metadata service says of a droplet at a path below `/metadata/v1`, or null. Unauthenticated, like the real one. */
export function metadata(droplet: DropletView, path: string): string | null {
  const document = documentOf(droplet);
  if (path === ".json") return JSON.stringify(document);
  const address = droplet.networks.v4.find((each) => each.type === "public");
  const plain: Record<string, string | null | undefined> = {
    "": "id\nhostname\nuser-data\nregion\ninterfaces/\ntags/\n",
    id: String(droplet.id),
    hostname: droplet.name,
    region: droplet.region,
    "user-data": droplet.user_data,
    interfaces: "public/\nprivate/\n",
    "interfaces/public/0/ipv4/address": address?.ip_address,
    "interfaces/public/0/ipv4/netmask": address?.netmask,
    "interfaces/public/0/ipv4/gateway": address?.gateway,
    "interfaces/private/0/ipv4/address": droplet.networks.v4.find((each) => each.type === "private")?.ip_address,
    tags: droplet.tagged ? droplet.tags.join("\n") : "",
  };
  return plain[path.replace(/^\/+|\/+$/g, "")] ?? null;
}

function documentOf(droplet: DropletView) {
  const interfaces = (type: "public" | "private") =>
    droplet.networks.v4
      .filter((each) => each.type === type)
      .map(({ ip_address, netmask, gateway }) => ({ type, ipv4: { ip_address, netmask, gateway } }));
  return {
    droplet_id: droplet.id,
    hostname: droplet.name,
    user_data: droplet.user_data,
    region: droplet.region,
    tags: droplet.tagged ? droplet.tags : [],
    interfaces: { public: interfaces("public"), private: interfaces("private") },
  };
}
