/** What stands in `millrace.config.ts` (or `.js`, `.json`), beside a project or above it. */
export interface MillraceConfig extends SettingValues {
  /** For one command only; these win over those for all: `{ worker: { slots: 4 } }`. */
  readonly commands?: Readonly<Record<string, SettingValues>>;
  /** Clusters by name, for `--context <name>`. */
  readonly contexts?: Readonly<Record<string, ClusterContext>>;
}

/** How commands reach one cluster; files are relative to the config file. */
export interface ClusterContext {
  /** `host:port` of each of its coordinators. */
  readonly coordinator: string | readonly string[];
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tokenFile?: string;
}

/**
 * The options of the commands, named in camel case: `--metrics-port` is `metricsPort`. A flag wins
 * over `MILLRACE_METRICS_PORT`, that over this file, and this file over the default. Files and
 * folders are relative to the config file. `millrace config --origin` shows the outcome.
 */
export interface SettingValues {
  // All commands.
  readonly output?: "text" | "json";
  /** `host:port`; several as an array, or with commas. */
  readonly coordinator?: string | readonly string[];
  /** The cluster that commands talk to. */
  readonly context?: string;
  readonly tokenFile?: string;
  /** Better kept out of files that others read: `tokenFile`, or `MILLRACE_TOKEN`. */
  readonly token?: string;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;

  // Coordinator and worker. Times are milliseconds.
  readonly data?: string;
  readonly objects?: string;
  readonly metadata?: string;
  readonly etcdCa?: string;
  readonly etcdCert?: string;
  readonly etcdKey?: string;
  readonly bind?: string;
  readonly advertise?: string;
  readonly dataHost?: string;
  readonly lease?: number;
  readonly heartbeat?: number;
  readonly gcPeriod?: number;
  readonly drainTimeout?: number;
  /** What each slot may hold, state and buffers, in MiB. */
  readonly slotMemory?: number;
  /** What the inputs of each slot may hold of that, in MiB. */
  readonly networkMemory?: number;
  readonly orphanTimeout?: number;
  readonly hungTaskTimeout?: number;
  /** Variables that the author's code may read on a worker. */
  readonly passEnv?: readonly string[];
  readonly slots?: number;
  readonly id?: string;
  readonly tokens?: string;
  readonly allowInsecure?: boolean;
  readonly metricsPort?: number;
  readonly metricsHost?: string;
  readonly healthPort?: number;

  // Jobs.
  readonly param?: readonly string[] | Readonly<Record<string, string | number | boolean>>;
  readonly env?: readonly string[];
  readonly parallelism?: number;
  readonly workers?: number;
  readonly slotWait?: number;
  readonly loadTimeout?: number;
  readonly detach?: boolean;
  readonly drain?: boolean;
  readonly dryRun?: boolean;
  /** `<job>` or `<job>/<checkpoint id>`. */
  readonly from?: string;
  readonly allowDroppedState?: boolean;
  readonly follow?: boolean;

  // Looking after a cluster.
  readonly checkpoint?: string;
  readonly port?: number;
  readonly live?: boolean;
  readonly timeout?: number;
}

/** Returns the configuration; it is there for its types. */
export function defineConfig(config: MillraceConfig): MillraceConfig {
  return config;
}
