import { expect, test } from "vitest";

import type { RenderedPod } from "./chart.ts";
import { at, type Json } from "./json.ts";
import { findPodSecurityViolations, listControls } from "./pod-security.ts";

type Fields = Readonly<Record<string, Json>>;

const goodContext: Fields = {
  allowPrivilegeEscalation: false,
  runAsNonRoot: true,
  seccompProfile: { type: "RuntimeDefault" },
  capabilities: { drop: ["ALL"] },
};

interface PodParts {
  readonly spec?: Fields;
  readonly container?: Fields;
  readonly context?: Fields;
  readonly annotations?: Fields;
}

function makePod({
  spec = {},
  container = {},
  context = {},
  annotations = {},
}: PodParts): RenderedPod {
  const body: Json = {
    metadata: { annotations, labels: {} },
    spec: {
      containers: [{ name: "a", securityContext: { ...goodContext, ...context }, ...container }],
      ...spec,
    },
  };
  const metadata = at(body, "metadata");
  return { origin: "Pod a", metadata, spec: at(body, "spec"), labels: {} };
}

const bad: readonly (readonly [control: string, pod: PodParts])[] = [
  ["HostProcess", { context: { windowsOptions: { hostProcess: true } } }],
  ["host namespaces", { spec: { hostNetwork: true } }],
  ["host namespaces", { spec: { hostPID: true } }],
  ["host namespaces", { spec: { hostIPC: true } }],
  ["privileged containers", { context: { privileged: true } }],
  ["HostPath volumes", { spec: { volumes: [{ name: "v", hostPath: { path: "/" } }] } }],
  ["host ports", { container: { ports: [{ containerPort: 80, hostPort: 80 }] } }],
  [
    "host probes and lifecycle hooks",
    { container: { livenessProbe: { httpGet: { host: "169.254.169.254", port: 80 } } } },
  ],
  [
    "host probes and lifecycle hooks",
    { container: { lifecycle: { preStop: { tcpSocket: { host: "10.0.0.1", port: 80 } } } } },
  ],
  ["AppArmor", { context: { appArmorProfile: { type: "Unconfined" } } }],
  [
    "AppArmor",
    { annotations: { "container.apparmor.security.beta.kubernetes.io/a": "unconfined" } },
  ],
  ["SELinux", { context: { seLinuxOptions: { type: "spc_t" } } }],
  ["SELinux", { spec: { securityContext: { seLinuxOptions: { user: "root" } } } }],
  ["/proc mount type", { context: { procMount: "Unmasked" } }],
  ["sysctls", { spec: { securityContext: { sysctls: [{ name: "kernel.msgmax", value: "1" }] } } }],
  ["volume types", { spec: { volumes: [{ name: "v", nfs: { server: "a", path: "/" } }] } }],
  ["privilege escalation", { context: { allowPrivilegeEscalation: true } }],
  ["privilege escalation", { context: { allowPrivilegeEscalation: null } }],
  ["running as non-root", { context: { runAsNonRoot: false } }],
  ["running as non-root", { context: { runAsNonRoot: null } }],
  ["running as non-root user", { context: { runAsUser: 0 } }],
  ["running as non-root user", { spec: { securityContext: { runAsUser: 0 } } }],
  ["seccomp", { context: { seccompProfile: { type: "Unconfined" } } }],
  ["seccomp", { context: { seccompProfile: null } }],
  ["capabilities", { context: { capabilities: { drop: ["NET_RAW"] } } }],
  ["capabilities", { context: { capabilities: { drop: ["ALL"], add: ["SYS_ADMIN"] } } }],
];

test.each(bad)("SEC12: the checker finds what breaks %s: %j", (control, parts) => {
  const violations = findPodSecurityViolations(makePod(parts));
  expect(violations.some((violation) => violation.startsWith(`Pod a: ${control}: `))).toBe(true);
});

test("SEC12: a bad pod is tried for each control, init and ephemeral containers count, a good pod passes", () => {
  expect([...new Set(bad.map(([control]) => control))].toSorted()).toEqual(
    listControls().toSorted(),
  );
  expect(findPodSecurityViolations(makePod({}))).toEqual([]);
  const open: Json = [{ name: "b" }];
  for (const kind of ["initContainers", "ephemeralContainers"]) {
    const violations = findPodSecurityViolations(makePod({ spec: { [kind]: open } }));
    expect(violations).toContain(
      `Pod a: privilege escalation: spec.${kind}[0].securityContext.allowPrivilegeEscalation`,
    );
  }
});

test("SEC12: what the pod says holds for containers that say nothing", () => {
  const context: Fields = { runAsNonRoot: null, seccompProfile: null };
  const securityContext: Fields = {
    runAsNonRoot: true,
    seccompProfile: { type: "RuntimeDefault" },
  };
  expect(findPodSecurityViolations(makePod({ context, spec: { securityContext } }))).toEqual([]);
});
