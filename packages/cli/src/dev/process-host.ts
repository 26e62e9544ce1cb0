/** One of the processes that `dev` keeps alive. */
export interface ProcessSpec {
  readonly name: string;
  /** What follows `millrace` on its command line. */
  readonly args: readonly string[];
  /** Its log is appended there. */
  readonly logFile: string;
}

/** Runs `millrace` processes: real ones, or in memory for tests. */
export interface ProcessHost {
  /**
   * Starts a process that ends when this one does, however that comes about. Handlers are called
   * later, never from within.
   */
  start(spec: ProcessSpec, handlers: ProcessHandlers): ProcessHandle;
  /** Returns the last lines of what the processes of this spec have logged; empty if nothing. */
  readLogTail(spec: ProcessSpec): string;
}

export interface ProcessHandlers {
  /** The process is gone; called once, asked for or not. */
  onExit(cause: ProcessExit): void;
}

export type ProcessExit =
  | { readonly kind: "exited"; readonly exitCode: number }
  | { readonly kind: "signalled"; readonly signal: string }
  /** There was no process at all. */
  | { readonly kind: "not-started"; readonly reason: string };

export interface ProcessHandle {
  /** Absent if the process could not be started. */
  readonly processId?: number;
  /** Asks the process to end. Harmless when it is gone. */
  end(): void;
  /** Ends the process at once. Harmless when it is gone. */
  kill(): void;
}
