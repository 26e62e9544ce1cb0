import type { RenderedPod } from "./chart.ts";
import { at, fieldsOf, listOf, type Json } from "./json.ts";

/*
 * The Pod Security Standard "restricted", which includes "baseline", as Kubernetes 1.34 defines it:
 * https://kubernetes.io/docs/concepts/security/pod-security-standards
 * Each control returns the fields that break it.
 */

interface Control {
  readonly name: string;
  readonly check: (pod: RenderedPod) => readonly string[];
}

/** Returns a sentence for each control and field that the pod breaks. */
export function findPodSecurityViolations(pod: RenderedPod): readonly string[] {
  return controls.flatMap(({ name, check }) =>
    check(pod).map((field) => `${pod.origin}: ${name}: ${field}`),
  );
}

interface Scope {
  readonly path: string;
  readonly context: Json | undefined;
}

/** The names of all controls, to show that a test breaks each. */
export function listControls(): readonly string[] {
  return controls.map(({ name }) => name);
}

const isAbsent = (value: Json | undefined): boolean => value === undefined || value === null;
const isFalse = (value: Json | undefined): boolean => isAbsent(value) || value === false;

const controls: readonly Control[] = [
  // Baseline.
  {
    name: "HostProcess",
    check: (pod) =>
      scopes(pod)
        .filter(({ context }) => !isFalse(at(context, "windowsOptions", "hostProcess")))
        .map(({ path }) => `${path}.windowsOptions.hostProcess`),
  },
  {
    name: "host namespaces",
    check: ({ spec }) =>
      ["hostNetwork", "hostPID", "hostIPC"]
        .filter((name) => !isFalse(at(spec, name)))
        .map((name) => `spec.${name}`),
  },
  {
    name: "privileged containers",
    check: (pod) =>
      containerScopes(pod)
        .filter(({ context }) => !isFalse(at(context, "privileged")))
        .map(({ path }) => `${path}.privileged`),
  },
  {
    name: "HostPath volumes",
    check: ({ spec }) =>
      listOf(at(spec, "volumes")).flatMap((volume, index) =>
        isAbsent(at(volume, "hostPath")) ? [] : [`spec.volumes[${index}].hostPath`],
      ),
  },
  {
    name: "host ports",
    check: (pod) =>
      containers(pod).flatMap(({ path, container }) =>
        listOf(at(container, "ports")).flatMap((port, index) => {
          const hostPort = at(port, "hostPort");
          return isAbsent(hostPort) || hostPort === 0 ? [] : [`${path}.ports[${index}].hostPort`];
        }),
      ),
  },
  { name: "host probes and lifecycle hooks", check: findHandlerHosts },
  {
    name: "AppArmor",
    check: (pod) => [
      ...badTypes(pod, "appArmorProfile", ["RuntimeDefault", "Localhost"]),
      ...Object.entries(fieldsOf(at(pod.metadata, "annotations")))
        .filter(([name, value]) => isBadAppArmor(name, value))
        .map(([name]) => `metadata.annotations[${name}]`),
    ],
  },
  {
    name: "SELinux",
    check: (pod) =>
      scopes(pod).flatMap(({ path, context }) => {
        const options = at(context, "seLinuxOptions");
        return [
          ...(isOneOf(at(options, "type"), selinuxTypes) ? [] : [`${path}.seLinuxOptions.type`]),
          ...["user", "role"]
            .filter((name) => !isOneOf(at(options, name), [""]))
            .map((name) => `${path}.seLinuxOptions.${name}`),
        ];
      }),
  },
  {
    name: "/proc mount type",
    check: (pod) =>
      containerScopes(pod)
        .filter(({ context }) => !isOneOf(at(context, "procMount"), ["Default"]))
        .map(({ path }) => `${path}.procMount`),
  },
  {
    name: "sysctls",
    check: ({ spec }) =>
      listOf(at(spec, "securityContext", "sysctls")).flatMap((sysctl, index) =>
        isOneOf(at(sysctl, "name"), safeSysctls)
          ? []
          : [`spec.securityContext.sysctls[${index}].name`],
      ),
  },
  // Restricted.
  {
    name: "volume types",
    check: ({ spec }) =>
      listOf(at(spec, "volumes")).flatMap((volume, index) =>
        Object.keys(fieldsOf(volume)).some((type) => volumeTypes.has(type))
          ? []
          : [`spec.volumes[${index}]`],
      ),
  },
  {
    name: "privilege escalation",
    check: (pod) =>
      containerScopes(pod)
        .filter(({ context }) => at(context, "allowPrivilegeEscalation") !== false)
        .map(({ path }) => `${path}.allowPrivilegeEscalation`),
  },
  {
    name: "running as non-root",
    check: (pod) =>
      containerScopes(pod)
        .filter(({ context }) => inherited(pod, context, "runAsNonRoot") !== true)
        .map(({ path }) => `${path}.runAsNonRoot`),
  },
  {
    name: "running as non-root user",
    check: (pod) =>
      scopes(pod)
        .filter(({ context }) => at(context, "runAsUser") === 0)
        .map(({ path }) => `${path}.runAsUser`),
  },
  {
    name: "seccomp",
    check: (pod) => [
      ...badTypes(pod, "seccompProfile", ["RuntimeDefault", "Localhost"]),
      ...containerScopes(pod)
        .filter(({ context }) => isAbsent(at(inherited(pod, context, "seccompProfile"), "type")))
        .map(({ path }) => `${path}.seccompProfile.type`),
    ],
  },
  {
    name: "capabilities",
    check: (pod) =>
      containerScopes(pod).flatMap(({ path, context }) => {
        const drops = listOf(at(context, "capabilities", "drop"));
        const adds = listOf(at(context, "capabilities", "add"));
        return [
          ...(drops.includes("ALL") ? [] : [`${path}.capabilities.drop`]),
          ...(adds.every((name) => name === "NET_BIND_SERVICE")
            ? []
            : [`${path}.capabilities.add`]),
        ];
      }),
  },
];

const selinuxTypes = [
  "",
  "container_t",
  "container_init_t",
  "container_kvm_t",
  "container_engine_t",
];

const safeSysctls = [
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.ip_local_reserved_ports",
  "net.ipv4.ip_unprivileged_port_start",
  "net.ipv4.ping_group_range",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
  "net.ipv4.tcp_keepalive_time",
  "net.ipv4.tcp_rmem",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.tcp_wmem",
];

const volumeTypes: ReadonlySet<string> = new Set([
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "persistentVolumeClaim",
  "projected",
  "secret",
]);

function containers({ spec }: RenderedPod): readonly { path: string; container: Json }[] {
  return ["containers", "initContainers", "ephemeralContainers"].flatMap((kind) =>
    listOf(at(spec, kind)).map((container, index) => ({
      path: `spec.${kind}[${index}]`,
      container,
    })),
  );
}

function containerScopes(pod: RenderedPod): readonly Scope[] {
  return containers(pod).map(({ path, container }) => ({
    path: `${path}.securityContext`,
    context: at(container, "securityContext"),
  }));
}

function scopes(pod: RenderedPod): readonly Scope[] {
  const ofPod = { path: "spec.securityContext", context: at(pod.spec, "securityContext") };
  return [ofPod, ...containerScopes(pod)];
}

/** A container's own field, else its pod's. */
function inherited(pod: RenderedPod, context: Json | undefined, name: string): Json | undefined {
  const own = at(context, name);
  return isAbsent(own) ? at(pod.spec, "securityContext", name) : own;
}

function isOneOf(value: Json | undefined, allowed: readonly Json[]): boolean {
  return value === undefined || value === null || allowed.includes(value);
}

function badTypes(pod: RenderedPod, name: string, allowed: readonly string[]): readonly string[] {
  return scopes(pod)
    .filter(({ context }) => !isOneOf(at(context, name, "type"), allowed))
    .map(({ path }) => `${path}.${name}.type`);
}

function isBadAppArmor(name: string, value: Json): boolean {
  if (!name.startsWith("container.apparmor.security.beta.kubernetes.io/")) return false;
  if (typeof value !== "string") return true;
  return value !== "" && value !== "runtime/default" && !value.startsWith("localhost/");
}

function findHandlerHosts(pod: RenderedPod): readonly string[] {
  const handlers = [
    ["livenessProbe"],
    ["readinessProbe"],
    ["startupProbe"],
    ["lifecycle", "postStart"],
    ["lifecycle", "preStop"],
  ];
  return containers(pod).flatMap(({ path, container }) =>
    handlers.flatMap((handler) =>
      ["httpGet", "tcpSocket"]
        .filter((kind) => !isOneOf(at(container, ...handler, kind, "host"), [""]))
        .map((kind) => [path, ...handler, kind, "host"].join(".")),
    ),
  );
}
