import type { PlannedSettings } from "./job-graph.ts";
import type { JobSettings } from "./stream-graph.ts";

/** What a job gets that sets nothing (design: Defaults). */
export const defaultSettings: PlannedSettings = {
  parallelism: "default",
  maxParallelism: 128,
  checkpoint: {
    intervalMs: 10_000,
    timeoutMs: 600_000,
    minPauseMs: 500,
    retainedCount: 3,
  },
  restart: { maxFailures: 10 },
};

/** The largest number of key groups that a job may have. */
export const maxKeyGroups = 32_768;

/** Returns the settings with every default filled in. */
export function resolveSettings(settings: JobSettings): PlannedSettings {
  return {
    parallelism: settings.parallelism ?? defaultSettings.parallelism,
    maxParallelism: settings.maxParallelism ?? defaultSettings.maxParallelism,
    checkpoint: { ...defaultSettings.checkpoint, ...settings.checkpoint },
    restart: { ...defaultSettings.restart, ...settings.restart },
  };
}
