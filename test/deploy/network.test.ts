import { beforeAll, expect, test } from "vitest";

import { provideHelm } from "../servers/helm.ts";
import {
  listValueFiles,
  namespace,
  parseManifests,
  podsOf,
  renderChart,
  type Manifest,
} from "./chart.ts";
import { fieldsOf, textOf, type Json } from "./json.ts";
import { canConnect, type Endpoint } from "./network.ts";

// Building it takes minutes, where it is not there.
beforeAll(async () => {
  await provideHelm();
});

type Labels = Readonly<Record<string, string>>;

function makePod(name: string, labels: Labels, address: string, where = namespace): Endpoint {
  const namespaceLabels = { "kubernetes.io/metadata.name": where };
  return { name, address, pod: { namespace: where, namespaceLabels, labels } };
}

/** An endpoint for each kind of pod that the chart renders, named by its component. */
function endpointsOf(manifests: readonly Manifest[]): readonly Endpoint[] {
  return podsOf(manifests).map(({ labels }, index) => {
    const texts = Object.entries(fieldsOf(labels)).map(([name, value]) => [name, textOf(value)]);
    const pairs: Labels = Object.fromEntries(texts);
    const component = pairs["app.kubernetes.io/component"] ?? "none";
    return makePod(component, pairs, `10.244.0.${index + 1}`);
  });
}

/** Those that are not of the release; the first is in its namespace. */
const others: readonly Endpoint[] = [
  makePod("stranger", { app: "stranger" }, "10.244.1.1"),
  makePod("stranger elsewhere", { app: "stranger" }, "10.244.1.2", "default"),
  makePod("submitter", { app: "submitter" }, "10.244.1.3"),
  makePod("pipelines", {}, "10.244.1.4", "pipelines"),
  makePod("prometheus", {}, "10.244.1.5", "monitoring"),
  makePod("etcd", {}, "10.244.1.6", "etcd"),
  makePod("dns", { "k8s-app": "kube-dns" }, "10.244.1.7", "kube-system"),
  makePod("minio", { app: "minio" }, "10.244.1.8", "minio"),
  { name: "etcd outside", address: "10.0.10.11" },
  { name: "internet", address: "52.218.1.1" },
  { name: "internet, IPv6", address: "2600:1f18::1" },
  { name: "cloud metadata", address: "169.254.169.254" },
];

const ports = [22, 53, 80, 443, 2379, 2380, 8471, 8472, 8473, 9000, 40_000];

/** Returns `from -> to: ports` for what is allowed, of connections that begin or end in the release. */
function findConnections(manifests: readonly Manifest[]): readonly string[] {
  const own = endpointsOf(manifests);
  const all = [...own, ...others];
  return all.flatMap((from) =>
    all.flatMap((to) => {
      if (!own.includes(from) && !own.includes(to)) return [];
      const open = ports.filter((port) => canConnect(manifests, { from, to, port }));
      return open.length === 0 ? [] : [`${from.name} -> ${to.name}: ${open.join(" ")}`];
    }),
  );
}

const amongWorkers = "worker -> worker: 2379 2380 8471 8472 8473 9000 40000";
const anywhere = ["internet", "internet, IPv6", "dns"];
/** Object stores may be anywhere: at their port a policy by address lets pods of others through, too. */
const anybody = [
  "stranger",
  "stranger elsewhere",
  "submitter",
  "pipelines",
  "prometheus",
  "etcd",
  "minio",
  "etcd outside",
];

const expected: Readonly<Record<string, readonly string[]>> = {
  "values-trial.yaml": [
    "worker -> coordinator: 8471",
    "test -> coordinator: 8471",
    "coordinator -> etcd-trial: 2379",
    amongWorkers,
    "coordinator -> dns: 53 443",
    "worker -> dns: 53 443",
    "test -> dns: 53",
    ...["coordinator", "worker"].flatMap((from) =>
      [...anybody, ...anywhere].filter((to) => to !== "dns").map((to) => `${from} -> ${to}: 443`),
    ),
  ],
  "values-production.yaml": [
    "worker -> coordinator: 8471",
    "test -> coordinator: 8471",
    "pipelines -> coordinator: 8471",
    "prometheus -> coordinator: 8472",
    "prometheus -> worker: 8472",
    amongWorkers,
    "coordinator -> etcd: 443 2379",
    "coordinator -> dns: 53 443",
    "worker -> dns: 53 443",
    "test -> dns: 53",
    ...["coordinator", "worker"].flatMap((from) =>
      [...anybody, ...anywhere]
        .filter((to) => to !== "dns" && !(from === "coordinator" && to === "etcd"))
        .map((to) => `${from} -> ${to}: 443`),
    ),
  ],
  "values-minio.yaml": [
    "worker -> coordinator: 8471",
    "test -> coordinator: 8471",
    "submitter -> coordinator: 8471",
    amongWorkers,
    "coordinator -> etcd outside: 2379",
    "coordinator -> minio: 9000",
    "worker -> minio: 9000",
    "coordinator -> dns: 53",
    "worker -> dns: 53",
    "test -> dns: 53",
  ],
};

test("SEC13: exactly these connections are open, for each file of values", async () => {
  const files = await listValueFiles();
  expect(Object.keys(expected).toSorted()).toEqual(files);
  for (const file of files) {
    const found = findConnections(await renderChart([file]));
    expect({ file, found: found.toSorted() }).toEqual({
      file,
      found: [...(expected[file] ?? [])].toSorted(),
    });
  }
});

test("SEC4: no worker reaches etcd, and nobody the cloud's metadata service", async () => {
  for (const file of await listValueFiles()) {
    const found = findConnections(await renderChart([file]));
    expect(found.filter((line) => /-> cloud metadata/.test(line))).toEqual([]);
    const toEtcd = found.filter((line) => /-> etcd.*\b2379\b/.test(line));
    expect(toEtcd.map((line) => line.split(" ")[0])).toEqual(["coordinator"]);
  }
});

test("what jobs may reach besides is the operator's to say", async () => {
  const rule = "networkPolicy.workerEgress[0].";
  const manifests = await renderChart(
    ["values-minio.yaml"],
    [`${rule}to[0].ipBlock.cidr=52.218.0.0/16`, `${rule}ports[0].port=9000`],
  );
  const found = findConnections(manifests);
  expect(found).toContain("worker -> internet: 9000");
  expect(found).not.toContain("coordinator -> internet: 9000");
});

test("where a service has another port than its pods, the pods' is opened", async () => {
  const assignments = ["networkPolicy.objectsPort=443", "networkPolicy.etcdPort=2380"];
  const found = findConnections(await renderChart(["values-minio.yaml"], assignments));
  expect(found.filter((line) => line.includes("-> minio"))).toEqual([
    "coordinator -> minio: 443",
    "worker -> minio: 443",
  ]);
  expect(found).toContain("coordinator -> etcd outside: 2380");
});

function makePolicy(spec: string): readonly Manifest[] {
  return parseManifests(
    `kind: NetworkPolicy\nmetadata: { name: p, namespace: ${namespace} }\nspec: ${spec}`,
  );
}

const a = makePod("a", { app: "a" }, "10.244.0.1");
const b = makePod("b", { app: "b" }, "10.244.0.2");
const elsewhere = makePod("b elsewhere", { app: "b" }, "10.244.0.3", "default");

test.each([
  [
    "nothing selects: open",
    "{ podSelector: { matchLabels: { app: x } }, policyTypes: [Ingress] }",
    true,
  ],
  ["a policy without rules denies", "{ podSelector: {}, policyTypes: [Ingress] }", false],
  [
    "egress denied, ingress open",
    "{ podSelector: { matchLabels: { app: a } }, policyTypes: [Egress] }",
    false,
  ],
  [
    "another direction denies nothing",
    "{ podSelector: { matchLabels: { app: a } }, policyTypes: [Ingress] }",
    true,
  ],
  ["a rule for everybody", "{ podSelector: {}, policyTypes: [Ingress], ingress: [{}] }", true],
  [
    "the right pod",
    "{ podSelector: {}, policyTypes: [Ingress], ingress: [{ from: [{ podSelector: { matchLabels: { app: a } } }] }] }",
    true,
  ],
  [
    "another pod",
    "{ podSelector: {}, policyTypes: [Ingress], ingress: [{ from: [{ podSelector: { matchLabels: { app: c } } }] }] }",
    false,
  ],
  [
    "another port",
    "{ podSelector: {}, policyTypes: [Ingress], ingress: [{ ports: [{ port: 81 }] }] }",
    false,
  ],
  [
    "another protocol",
    "{ podSelector: {}, policyTypes: [Ingress], ingress: [{ ports: [{ port: 80, protocol: UDP }] }] }",
    false,
  ],
  [
    "a range of ports",
    "{ podSelector: {}, policyTypes: [Ingress], ingress: [{ ports: [{ port: 1, endPort: 100 }] }] }",
    true,
  ],
  [
    "an address in the block",
    "{ podSelector: {}, policyTypes: [Ingress], ingress: [{ from: [{ ipBlock: { cidr: 10.244.0.0/24 } }] }] }",
    true,
  ],
  [
    "an excepted address",
    "{ podSelector: {}, policyTypes: [Ingress], ingress: [{ from: [{ ipBlock: { cidr: 10.244.0.0/24, except: [10.244.0.0/30] } }] }] }",
    false,
  ],
  [
    "an expression",
    "{ podSelector: { matchExpressions: [{ key: app, operator: In, values: [b] }] }, policyTypes: [Ingress] }",
    false,
  ],
])("the evaluator of policies: %s", (_name, spec, isOpen) => {
  expect(canConnect(makePolicy(spec), { from: a, to: b, port: 80 })).toBe(isOpen);
});

test("the evaluator of policies: a pod selector without a namespace selector means this namespace", () => {
  const byPod: Json = { podSelector: { matchLabels: { app: "b" } } };
  const rule = { podSelector: {}, policyTypes: ["Ingress"], ingress: [{ from: [byPod] }] };
  const policies = makePolicy(JSON.stringify(rule));
  expect(canConnect(policies, { from: b, to: a, port: 80 })).toBe(true);
  expect(canConnect(policies, { from: elsewhere, to: a, port: 80 })).toBe(false);
  const anyNamespace = [{ from: [{ ...byPod, namespaceSelector: {} }] }];
  const wide = makePolicy(JSON.stringify({ ...rule, ingress: anyNamespace }));
  expect(canConnect(wide, { from: elsewhere, to: a, port: 80 })).toBe(true);
});
