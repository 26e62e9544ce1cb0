import { StreamError } from "@millrace/core";

/** Where a coordinator keeps its metadata. */
export type MetadataUrl =
  | { readonly kind: "sqlite"; readonly path: string }
  | {
      readonly kind: "etcd";
      readonly endpoints: readonly string[];
      readonly isTls: boolean;
      /** Before every key; ends with a slash unless it is empty. */
      readonly root: string;
    };

const forms = "write it as sqlite:<file> or etcd://host:port,host:port/prefix (etcds:// for TLS)";

/** Returns what the text names; throws `invalid-argument` with the forms that there are. */
export function parseMetadataUrl(text: string): MetadataUrl {
  if (text.startsWith("sqlite:") && text.length > "sqlite:".length) {
    return { kind: "sqlite", path: text.slice("sqlite:".length).replace(/^\/\/(?=\/)/, "") };
  }
  const [, scheme, hosts, path = ""] = /^(etcds?):\/\/([^/?#]+)(\/[^?#]*)?$/.exec(text) ?? [];
  if (scheme === undefined || hosts === undefined) throw invalid(text, forms);
  if (hosts.includes("@")) {
    throw invalid("the URL", "user and password come from MILLRACE_ETCD_USERNAME and _PASSWORD");
  }
  const endpoints = hosts.split(",").map((host) => host.trim());
  const wrong = endpoints.find((endpoint) => !isEndpoint(endpoint));
  if (wrong !== undefined) throw invalid(text, `"${wrong}" is no host:port; ${forms}`);
  const root = path.replace(/^\/+|\/+$/g, "");
  return {
    kind: "etcd",
    endpoints,
    isTls: scheme === "etcds",
    root: root === "" ? "" : `${root}/`,
  };
}

function isEndpoint(text: string): boolean {
  const port = Number(/^(?:[^\s:[\]]+|\[[0-9a-f:]+\]):(\d{1,5})$/i.exec(text)?.[1] ?? Number.NaN);
  return port > 0 && port < 65_536;
}

function invalid(text: string, reason: string): StreamError {
  return new StreamError("invalid-argument", `${text} is no metadata store: ${reason}`, {
    domain: "user",
    retry: "never",
  });
}
