import { beforeAll, expect, test } from "vitest";

import { provideHelm } from "../servers/helm.ts";
import { renderChart, runHelm } from "./chart.ts";
import { at, listOf, textOf } from "./json.ts";

// Building it takes minutes, where it is not there.
beforeAll(async () => {
  await provideHelm();
});

test("SEC1: without TLS, tokens and stores the chart refuses, and says all that is missing at once", async () => {
  const { exitCode, stderr } = await runHelm("template", []);
  expect(exitCode).not.toBe(0);
  expect(stderr).toContain("The values of millrace cannot be used:");
  for (const sentence of [
    "TLS is not set up: name tls.coordinatorSecret and tls.workerSecret, or enable tls.certManager",
    "auth.existingSecret is empty: name the secret with the tokens of submitters",
    "etcd.endpoints is empty: name host:port of each member, or set etcd.trial.enabled for a trial",
    "objects.bucket is empty: name the bucket for checkpoints",
    "objects.existingSecret is empty: name the secret with the object store's credentials",
    "For a trial in a cluster of your own: insecure: true (values-trial.yaml).",
  ]) {
    expect(stderr).toContain(sentence);
  }
});

test.each([
  ["tls.workerSecret=", "TLS is not set up"],
  ["auth.existingSecret=", "auth.existingSecret is empty"],
  ["etcd.tls.existingSecret=", "etcd.tls.existingSecret is empty"],
  ["objects.endpoint=http://minio:9000", "objects.endpoint is plain http: use https"],
  ["etcd.trial.enabled=true", "etcd.endpoints and etcd.trial.enabled are both set"],
  ["tls.certManager.enabled=true", "tls.certManager.issuerRef.name is empty"],
  ["metrics.serviceMonitor.enabled=true", "metrics.serviceMonitor.enabled needs metrics.enabled"],
])("SEC1: secure values with %s are refused, because %s", async (assignment, sentence) => {
  const { exitCode, stderr } = await runHelm("template", ["values-minio.yaml"], [assignment]);
  expect(exitCode).not.toBe(0);
  expect(stderr).toContain(sentence);
});

test("SEC1: the trial's etcd is refused unless all of the cluster is insecure by name", async () => {
  const { exitCode, stderr } = await runHelm("template", ["values-trial.yaml"], ["insecure=false"]);
  expect(exitCode).not.toBe(0);
  expect(stderr).toContain("etcd.trial.enabled needs insecure: true");
});

test("SEC1: --allow-insecure is given in a trial alone, and certificates and tokens everywhere else", async () => {
  for (const [file, isInsecure] of [
    ["values-trial.yaml", true],
    ["values-production.yaml", false],
    ["values-minio.yaml", false],
  ] as const) {
    const manifests = await renderChart([file]);
    for (const name of ["m-millrace-coordinator", "m-millrace-worker"]) {
      const set = manifests.find((each) => each.kind === "StatefulSet" && each.name === name);
      const container = at(set?.body, "spec", "template", "spec", "containers", 0);
      const args = listOf(at(container, "args")).map(textOf);
      expect(args.includes("--allow-insecure")).toBe(isInsecure);
      const isGuarded = ["--tls-cert", "--tls-key", "--tls-ca"].every((flag) =>
        args.includes(flag),
      );
      expect(isGuarded).toBe(!isInsecure);
      const isAsked = name === "m-millrace-coordinator" || args.includes("--metrics-port");
      expect(args.includes("--tokens")).toBe(!isInsecure && isAsked);
    }
  }
});

test.each([
  ["workers.slots=0", "at '/workers/slots': minimum: got 0, want 1"],
  ["workers.replicas=two", "at '/workers/replicas': got string, want integer"],
  ["worker.replicas=2", "additional properties 'worker' not allowed"],
  ["objects.bucket=My_Bucket", "at '/objects/bucket': 'My_Bucket' does not match pattern"],
  [
    "etcd.endpoints={http://etcd:2379}",
    "at '/etcd/endpoints/0': 'http://etcd:2379' does not match",
  ],
  ["etcd.prefix=millrace", "at '/etcd/prefix': 'millrace' does not match pattern '^/"],
  ["image.digest=latest", "at '/image/digest': 'latest' does not match pattern"],
  ["podSecurity.user=0", "at '/podSecurity/user': minimum: got 0, want 1"],
  [
    "coordinators.spreadOverNodes=Always",
    "at '/coordinators/spreadOverNodes': value must be one of",
  ],
  ["networkPolicy.clients[0].cidr=10.0.0.0/8", "additional properties 'cidr' not allowed"],
  ["metrics.port=8471", "at '/metrics/port': 'not' failed"],
])("values with %s are refused by the schema: %s", async (assignment, sentence) => {
  const { exitCode, stderr } = await runHelm("template", ["values-trial.yaml"], [assignment]);
  expect(exitCode).not.toBe(0);
  expect(stderr).toContain(sentence);
});

test("SEC11: a password in the object store's address is refused, and not repeated among the objects", async () => {
  const assignment = "objects.endpoint=https://user:secret@minio:9000";
  const { exitCode, stdout } = await runHelm("template", ["values-trial.yaml"], [assignment]);
  expect(exitCode).not.toBe(0);
  expect(stdout).toBe("");
});

test("names stay labels of DNS however long the release's is", async () => {
  const long = "a-team-with-a-very-long-name-that-somebody-thought-was-a-good-idea";
  const manifests = await renderChart(["values-trial.yaml"], [`fullnameOverride=${long}`]);
  const longest = Math.max(...manifests.map(({ name }) => `${name}-999`.length));
  expect(longest).toBeLessThanOrEqual(63);
});

test("addresses of stores are those of the values, and so are the ports that are opened for them", async () => {
  const production = JSON.stringify(await renderChart(["values-production.yaml"]));
  expect(production).toContain(
    "etcds://etcd-0.etcd.etcd.svc:2379,etcd-1.etcd.etcd.svc:2379,etcd-2.etcd.etcd.svc:2379/millrace/production",
  );
  expect(production).toContain("s3://example-millrace/production?region=eu-central-1");
  const trial = await renderChart(
    ["values-trial.yaml"],
    ["objects.endpoint=http://minio.minio.svc:9000", "objects.pathStyle=true"],
  );
  expect(JSON.stringify(trial)).toContain(
    "s3://millrace-trial/millrace?region=us-east-1&endpoint=http://minio.minio.svc:9000&pathStyle=true",
  );
  expect(JSON.stringify(trial.filter(({ kind }) => kind === "NetworkPolicy"))).toContain(
    '"port":9000',
  );
});
