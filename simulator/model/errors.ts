/** An answer before it becomes a `Response`. `body` is sent as JSON, `text` as it stands. */
export interface Answer {
  status: number;
  body?: unknown;
  text?: string;
  content_type?: string;
  headers?: Record<string, string>;
  /** Leaves the `ratelimit-*` headers out, as answers made in front of the API do. */
  bare?: boolean;
}

/** DigitalOcean's own words, where they are known: clients have been seen to match on them. */
export const MESSAGE = {
  pending_event: "Droplet already has a pending event.",
  already_off: "Droplet is already powered off",
  already_on: "Droplet is already powered on",
  quota: "creating this/these droplet(s) will exceed your droplet limit",
  bad_name: "Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)",
  bad_image: "You specified an invalid image for Droplet creation.",
  size_elsewhere: "Size is not available in this region.",
  region_closed: "Region is not available",
  capacity: "The size you selected is temporarily unavailable in this region, please try another region or size.",
  try_again: "There was a problem creating your Droplet, please try again",
  // The wording of the following is not documented.
  bad_size: "You specified an invalid size for Droplet creation.",
  bad_region: "You specified an invalid region for Droplet creation.",
  bad_tags: "Tags may contain letters, numbers, colons, dashes, and underscores",
  user_data_too_long: "User data is too long (maximum is 65536 bytes)",
  too_many_names: "You can create at most 10 Droplets at once",
  bad_action: "The action type you specified is not valid for this Droplet",
  bad_page: "page and per_page must be positive integers, per_page at most 200",
  filters_together: "tag_name cannot be combined with name or type",
} as const;

/** A refusal with a JSON body in DigitalOcean's shape. */
function refusal(status: number, id: string, message: string, more?: Record<string, unknown>): Answer {
  return { status, body: { id, message, ...more } };
}

/** 422: everything that is wrong with a request or with the moment it came. */
export function unprocessable(message: string, more?: Record<string, unknown>): Answer {
  return refusal(422, "unprocessable_entity", message, more);
}

/** 400: the body is no JSON object. */
export function badRequest(): Answer {
  return refusal(400, "bad_request", "error parsing request body");
}

/** 401: no token, or one that is not known here. */
export function unauthorized(): Answer {
  return refusal(401, "unauthorized", "Unable to authenticate you.");
}

/** 403: the token lacks the scope. */
export function forbidden(): Answer {
  return refusal(403, "forbidden", "You are not authorized to perform this operation");
}

/** 404 for a thing that is not there; the words differ from those for a path that is not there. */
export function notFound(): Answer {
  return refusal(404, "not_found", "The resource you were accessing could not be found.");
}

/** 404 for a path that this API does not have. */
export function noSuchPath(): Answer {
  return refusal(404, "not_found", "The resource you requested could not be found.");
}

/** 429, without the headers that tell the two limits apart. */
export function tooManyRequests(): Answer {
  return refusal(429, "too_many_requests", "API rate limit exceeded.");
}

/** 5xx from the API itself, as JSON. */
export function serverError(status: number): Answer {
  return refusal(status, "server_error", "Unexpected server-side error");
}

/** 5xx from the proxy in front of the API: a page for people, no JSON, no rate-limit headers. */
export function htmlError(status: number): Answer {
  const text = `<!DOCTYPE html>\n<html><head><title>${status}</title></head><body><h1>Error ${status}</h1></body></html>\n`;
  return { status, text, content_type: "text/html; charset=UTF-8", bare: true };
}
