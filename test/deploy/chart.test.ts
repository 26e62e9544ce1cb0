import { beforeAll, expect, test } from "vitest";

import { runMillrace } from "../e2e/run-millrace.ts";
import { provideHelm } from "../servers/helm.ts";
import {
  listValueFiles,
  podsOf,
  renderChart,
  renderNotes,
  runHelm,
  type Manifest,
  type RenderedPod,
} from "./chart.ts";
import { at, fieldsOf, listOf, numberOf, textOf, type Json } from "./json.ts";
import { matchesSelector } from "./network.ts";
import { findPodSecurityViolations } from "./pod-security.ts";

// Building it takes minutes, where it is not there.
beforeAll(async () => {
  await provideHelm();
});

/** What each file renders, and the same with what it leaves out. */
const variants: readonly (readonly string[])[] = [
  [],
  ["metrics.enabled=true", "podSecurity.user=2000", "workers.podLabels.team=a"],
  ["workers.passEnv={TEAM,STAGE}", "etcd.trial.persistent=false"],
  ["networkPolicy.enabled=false", "image.digest=", "coordinators.priorityClassName=high"],
];

/** Calls back with what each file of values renders. */
async function forEachRendering(
  check: (manifests: readonly Manifest[], file: string) => void | Promise<void>,
): Promise<void> {
  const files = await listValueFiles();
  expect(files.length).toBeGreaterThanOrEqual(3);
  for (const file of files) {
    for (const variant of variants) await check(await renderChart([file], variant), file);
  }
}

test("helm lint --strict finds nothing in any file of values", async () => {
  for (const file of await listValueFiles()) {
    const { exitCode, stdout, stderr } = await runHelm("lint", [file]);
    expect(`${stdout}${stderr}`).toContain("1 chart(s) linted, 0 chart(s) failed");
    expect(exitCode).toBe(0);
  }
});

test("SEC12: every rendered pod meets the restricted Pod Security Standard, and more", async () => {
  await forEachRendering((manifests) => {
    const pods = podsOf(manifests);
    expect(pods.length).toBeGreaterThanOrEqual(3);
    expect(pods.flatMap(findPodSecurityViolations)).toEqual([]);
    expect(pods.flatMap(findLaxness)).toEqual([]);
  });
});

/** What we promise beyond the standard. */
function findLaxness(pod: RenderedPod): readonly string[] {
  const problems = [
    ...(at(pod.spec, "automountServiceAccountToken") === false
      ? []
      : ["a service account's token"]),
    ...(numberOf(at(pod.spec, "securityContext", "runAsUser")) > 0 ? [] : ["no user"]),
    ...listOf(at(pod.spec, "volumes")).flatMap((volume) =>
      at(volume, "emptyDir") !== undefined && at(volume, "emptyDir", "sizeLimit") === undefined
        ? [`volume ${textOf(at(volume, "name"))} has no limit`]
        : [],
    ),
    ...listOf(at(pod.spec, "containers")).flatMap((container) => [
      ...(at(container, "securityContext", "readOnlyRootFilesystem") === true
        ? []
        : ["a root that can be written"]),
      ...(at(container, "resources", "limits", "memory") === undefined ? ["no memory limit"] : []),
    ]),
  ];
  return problems.map((problem) => `${pod.origin}: ${problem}`);
}

test("SEC11, SEC13: no secret is in what is rendered, and nothing opens to the outside", async () => {
  await forEachRendering((manifests) => {
    const kinds = manifests.map(({ kind }) => kind);
    for (const kind of ["Secret", "ConfigMap", "Ingress", "Role", "ClusterRole"]) {
      expect(kinds).not.toContain(kind);
    }
    const services = manifests.filter(({ kind }) => kind === "Service");
    const types = services.map(({ body }) => at(body, "spec", "type"));
    expect([...new Set(types)]).toEqual(["ClusterIP"]);
    expect(podsOf(manifests).flatMap(findPlainCredentials)).toEqual([]);
    const text = JSON.stringify(manifests);
    expect(text).not.toMatch(/-----BEGIN|AKIA[0-9A-Z]{16}|\bmr_[\w-]{20}|\beyJ[\w-]{10,}\./);
    expect(text).not.toMatch(/:\/\/[^"/\s]*@/);
  });
});

const credentialName = /key|secret|password|token|credential/i;

function findPlainCredentials(pod: RenderedPod): readonly string[] {
  const variables = listOf(at(pod.spec, "containers")).flatMap((container) =>
    listOf(at(container, "env")),
  );
  return variables.flatMap((variable) => {
    const name = textOf(at(variable, "name"));
    const isPlain = credentialName.test(name) && at(variable, "value") !== undefined;
    return isPlain ? [`${pod.origin}: ${name}`] : [];
  });
}

test("SEC4: only coordinators are given etcd's credentials", async () => {
  await forEachRendering((manifests) => {
    for (const pod of podsOf(manifests)) {
      const component = textOf(at(pod.labels, "app.kubernetes.io/component"));
      if (component.startsWith("etcd") || component === "coordinator") continue;
      expect(JSON.stringify([pod.spec])).not.toMatch(/etcd/i);
    }
  });
});

test("budgets against disruption and services select the pods that they are named for", async () => {
  await forEachRendering((manifests) => {
    const selectedBy = (selector: Json | undefined): readonly string[] =>
      podsOf(manifests)
        .filter(({ labels }) => matchesSelector(selector, toTexts(labels)))
        .map(({ origin }) => origin);
    for (const kind of ["PodDisruptionBudget", "Service"]) {
      const found = manifests.filter((manifest) => manifest.kind === kind);
      expect(found.length).toBeGreaterThanOrEqual(2);
      for (const { name, body } of found) {
        const spec = at(body, "spec", "selector");
        const selector = kind === "Service" && spec !== undefined ? { matchLabels: spec } : spec;
        expect(selectedBy(selector)).toEqual([`StatefulSet ${name}`]);
      }
    }
    for (const { body } of manifests.filter(({ kind }) => kind === "StatefulSet")) {
      expect(matchesSelector(at(body, "spec", "selector"), templateLabels(body))).toBe(true);
      const service = textOf(at(body, "spec", "serviceName"));
      expect(manifests.some(({ kind, name }) => kind === "Service" && name === service)).toBe(true);
    }
  });
});

function templateLabels(body: Json): Readonly<Record<string, string>> {
  return toTexts(at(body, "spec", "template", "metadata", "labels"));
}

function toTexts(labels: Json | undefined): Readonly<Record<string, string>> {
  const entries = Object.entries(fieldsOf(labels));
  return Object.fromEntries(entries.map(([name, value]) => [name, textOf(value)]));
}

test("F31: a worker's pod has more time than its wait before SIGTERM and its drain together", async () => {
  for (const [drainSeconds, waitSeconds] of [
    [25, 3],
    [600, 0],
  ] as const) {
    const manifests = await renderChart(
      ["values-trial.yaml"],
      [`workers.drainTimeoutSeconds=${drainSeconds}`, `workers.preStopSeconds=${waitSeconds}`],
    );
    const worker = findPod(manifests, "worker");
    const container = at(worker.spec, "containers", 0);
    const wait = at(container, "lifecycle", "preStop", "sleep", "seconds") ?? 0;
    const drainMs = flagOf(container, "--drain-timeout");
    const graceMs = numberOf(at(worker.spec, "terminationGracePeriodSeconds")) * 1_000;
    expect([wait, drainMs]).toEqual([waitSeconds, String(drainSeconds * 1_000)]);
    expect(graceMs).toBeGreaterThanOrEqual(numberOf(wait) * 1_000 + Number(drainMs) + 5_000);
  }
});

test("workers and the test know each coordinator by the name under which it advertises itself", async () => {
  await forEachRendering((manifests) => {
    const coordinators = findManifest(manifests, "StatefulSet", "m-millrace-coordinator");
    const advertised = flagOf(
      at(findPod(manifests, "coordinator").spec, "containers", 0),
      "--advertise",
    );
    const expected = Array.from(
      { length: numberOf(at(coordinators, "spec", "replicas")) },
      (_, index) => advertised?.replace("$(POD_NAME)", `m-millrace-coordinator-${index}`),
    );
    for (const component of ["worker", "test"]) {
      const container = at(findPod(manifests, component).spec, "containers", 0);
      expect(flagOf(container, "--coordinator")?.split(",")).toEqual(expected);
    }
    // Without these the addresses of a StatefulSet's pods do not resolve, or only once they are ready.
    const service = findManifest(manifests, "Service", "m-millrace-coordinator");
    expect(at(coordinators, "spec", "serviceName")).toBe("m-millrace-coordinator");
    expect(at(service, "spec", "clusterIP")).toBe("None");
    expect(at(service, "spec", "publishNotReadyAddresses")).toBe(true);
  });
});

test("each mounted volume is there, and each volume is mounted", async () => {
  await forEachRendering((manifests) => {
    for (const { spec, origin } of podsOf(manifests)) {
      const claims = listOf(
        at(findByOrigin(manifests, origin), "spec", "volumeClaimTemplates"),
      ).map((claim) => at(claim, "metadata", "name"));
      const volumes = [
        ...listOf(at(spec, "volumes")).map((volume) => at(volume, "name")),
        ...claims,
      ];
      const mounts = listOf(at(spec, "containers", 0, "volumeMounts"));
      const mounted = mounts.map((mount) => at(mount, "name"));
      expect(new Set(mounted)).toEqual(new Set(volumes));
      expect(mounted).toHaveLength(volumes.length);
    }
  });
});

test("processes and probes are given only flags that their commands have", async () => {
  const used = new Map<string, Set<string>>();
  await forEachRendering((manifests) => {
    for (const command of podsOf(manifests).flatMap(commandsOf)) {
      const [name = "", ...args] = command;
      const flags = used.get(name) ?? new Set();
      used.set(name, flags);
      for (const argument of args) if (argument.startsWith("--")) flags.add(argument);
    }
  });
  expect([...used.keys()].toSorted()).toEqual(["coordinator", "health", "list", "worker"]);
  for (const [name, flags] of used) {
    const { stdout } = await runMillrace(name, "--help");
    const known = new Set(stdout.match(/--[a-z-]+/g));
    expect([name, ...[...flags].filter((flag) => !known.has(flag))]).toEqual([name]);
  }
});

test("the notes say how to go on, warn of what is not safe, and name a doctor's command that there is", async () => {
  for (const file of await listValueFiles()) {
    const notes = await renderNotes(file);
    expect(notes).toContain("kubectl -n streams rollout status statefulset/m-millrace-coordinator");
    expect(notes).toContain("helm -n streams test m");
    expect(notes.includes("WARNING: insecure is true")).toBe(file === "values-trial.yaml");
    const [, command = ""] = notes.replaceAll(/\\\n\s*/g, "").split("-- millrace ");
    const [name, ...args] = command.trim().split(" ");
    expect(name).toBe("doctor");
    const { stdout } = await runMillrace("doctor", "--help");
    const flags = args.filter((argument) => argument.startsWith("--"));
    expect(flags).toEqual(expect.arrayContaining(["--metadata", "--objects", "--coordinator"]));
    expect(flags.filter((flag) => !stdout.includes(flag))).toEqual([]);
  }
});

/** Command lines of millrace in a pod: what its container runs and its probes. */
function commandsOf(pod: RenderedPod): readonly (readonly string[])[] {
  return listOf(at(pod.spec, "containers")).flatMap((container) => {
    const probes = ["startupProbe", "livenessProbe", "readinessProbe"].map((probe) =>
      listOf(at(container, probe, "exec", "command")).map(textOf),
    );
    const args = listOf(at(container, "args")).map(textOf);
    const ofMillrace = probes.filter(([program]) => program === "millrace");
    return [args, ...ofMillrace.map((command) => command.slice(1))].filter(
      ({ length }) => length > 0,
    );
  });
}

function flagOf(container: Json | undefined, flag: string): string | undefined {
  const args = listOf(at(container, "args")).map(textOf);
  const index = args.indexOf(flag);
  return index === -1 ? undefined : args[index + 1];
}

function findPod(manifests: readonly Manifest[], component: string): RenderedPod {
  const found = podsOf(manifests).find(
    ({ labels }) => at(labels, "app.kubernetes.io/component") === component,
  );
  if (found === undefined) throw new Error(`there is no pod of ${component}`);
  return found;
}

function findManifest(manifests: readonly Manifest[], kind: string, name: string): Json {
  return findByOrigin(manifests, `${kind} ${name}`);
}

function findByOrigin(manifests: readonly Manifest[], origin: string): Json {
  const found = manifests.find(({ kind, name }) => `${kind} ${name}` === origin);
  if (found === undefined) throw new Error(`there is no ${origin}`);
  return found.body;
}
