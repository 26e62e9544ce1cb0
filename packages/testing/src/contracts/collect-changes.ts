import type { MetadataStore } from "@millrace/metadata";

export interface CollectedChanges extends Disposable {
  /** `key=value` or `key gone`, and `lost` when the watch ended. */
  readonly told: readonly string[];
  /** Returns when what was told satisfies the condition. */
  until(condition: (told: readonly string[]) => boolean): Promise<void>;
}

/** Returns what a watch tells from now on. */
export function collectChanges(
  store: MetadataStore,
  prefix: string,
  afterRevision: bigint,
): CollectedChanges {
  const told: string[] = [];
  let wake: () => void = () => {};
  const tell = (text: string): void => {
    told.push(text);
    wake();
  };
  const watch = store.watch(prefix, afterRevision, {
    onChange: (key, entry) => tell(entry === undefined ? `${key} gone` : `${key}=${entry.value}`),
    onLost: () => tell("lost"),
  });
  return {
    told,
    until: (condition) =>
      new Promise((resolve) => {
        wake = (): void => {
          if (condition(told)) resolve();
        };
        wake();
      }),
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  };
}
