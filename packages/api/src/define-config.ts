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
  /** `host:port`; several as an array, or with commas. */
  readonly coordinator?: string | readonly string[];
  /** The cluster that commands talk to. */
  readonly context?: string;
  readonly output?: "text" | "json";
  readonly bind?: string;
  readonly port?: number;
  readonly data?: string;
  readonly metricsPort?: number;
  readonly slots?: number;
  readonly id?: string;
  readonly workers?: number;
  readonly parallelism?: number;
  /** Milliseconds, as all below that name a time. */
  readonly slotWait?: number;
  readonly loadTimeout?: number;
  readonly heartbeat?: number;
  readonly orphanTimeout?: number;
  readonly hungTaskTimeout?: number;
  readonly gcPeriod?: number;
  readonly timeout?: number;
  readonly param?: readonly string[] | Readonly<Record<string, string | number | boolean>>;
  readonly env?: readonly string[];
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tokenFile?: string;
  readonly detach?: boolean;
  readonly drain?: boolean;
  readonly dryRun?: boolean;
  readonly follow?: boolean;
  readonly live?: boolean;
}

/** Returns the configuration; it is there for its types. */
export function defineConfig(config: MillraceConfig): MillraceConfig {
  return config;
}
