/** What an author's functions do before the first record and behind the last one. */
export interface LifecycleHooks<Context> {
  readonly open?: ((context: Context) => void | Promise<void>) | undefined;
  readonly close?: (() => void | Promise<void>) | undefined;
}

/**
 * Calls an author's hooks in one attempt of a subtask (`open` and `close` of Flink's RichFunction).
 *
 * I1 `close` is called once, if `open` was, also in vain, or had begun to be; never while it runs.
 * I2 Once it was told to let go, nothing is opened any more.
 */
export class Lifecycle<Context> {
  /** As an operator has it: undefined where there is nothing to close. */
  readonly finish: (() => Promise<void>) | undefined;
  readonly letGo: (() => Promise<void>) | undefined;
  readonly #hooks: LifecycleHooks<Context>;
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #isOver = false;

  constructor(hooks: LifecycleHooks<Context>) {
    this.#hooks = hooks;
    const hasClose = hooks.close !== undefined;
    this.finish = hasClose ? () => this.#close() : undefined;
    this.letGo = hasClose ? () => this.#letGo() : undefined;
  }

  /** Returns when `open` has; false if it is too late to open anything. */
  async open(context: Context): Promise<boolean> {
    if (this.#isOver) return false;
    this.#opening = this.#callOpen(context);
    await this.#opening;
    return true;
  }

  async #letGo(): Promise<void> {
    this.#isOver = true;
    if (this.#opening === undefined) return;
    await this.#opening.catch(() => {});
    await this.#close();
  }

  #close(): Promise<void> {
    this.#closing ??= this.#callClose();
    return this.#closing;
  }

  // Async, so that also what is thrown before a promise is returned is in the promise.
  async #callOpen(context: Context): Promise<void> {
    await this.#hooks.open?.(context);
  }

  async #callClose(): Promise<void> {
    await this.#hooks.close?.();
  }
}
