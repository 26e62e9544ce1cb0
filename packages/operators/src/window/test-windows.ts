import type {
  EvictorSpec,
  GeneralWindowSpec,
  TriggerSpec,
  TumblingWindows,
  WindowSpec,
} from "@millrace/graph";

import type { BackendUnderTest } from "../test-backends.ts";
import { createGeneralWindowOperator } from "./general-window-operator.ts";
import { WindowDriver } from "./test-driver.ts";

export interface Details {
  readonly key: unknown;
  readonly window: { readonly start: number; readonly end: number };
}

/** Collects records, so that results show what is in a window and in which order. */
export const listed: WindowSpec["aggregate"] = {
  create: (): string[] => [],
  add: (list: string[], record: string) => void list.push(record),
  merge: (into: string[], from: string[]) => void into.push(...from),
  result: (list: string[], { key, window }: Details) =>
    `${JSON.stringify(key)} [${window.start}, ${window.end}) ${list.join("")}`,
};

export const session: GeneralWindowSpec["assigner"] = { kind: "session", gapMs: 10 };
export const tumbling: TumblingWindows = {
  kind: "tumbling",
  sizeMs: 10,
  offsetMs: 0,
};
export const global: GeneralWindowSpec["assigner"] = { kind: "global" };

interface Options {
  readonly allowedLatenessMs?: number;
  readonly lateTag?: string;
  readonly trigger?: TriggerSpec;
  readonly evictor?: EvictorSpec;
  readonly aggregate?: WindowSpec["aggregate"];
}

/** Returns how a test opens windows on a backend. */
export function windowsOn(
  create: () => BackendUnderTest,
): (assigner: GeneralWindowSpec["assigner"], options?: Options) => WindowDriver {
  return (assigner, options = {}) =>
    new WindowDriver(
      () =>
        createGeneralWindowOperator({
          kind: "general-window",
          assigner,
          allowedLatenessMs: 0,
          aggregate: listed,
          ...options,
        }),
      create(),
    );
}
