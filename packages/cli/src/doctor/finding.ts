import type { StreamError } from "@millrace/core";

import { adviceOf } from "../format-error.ts";

/** What one check of `millrace doctor` found. */
export interface Finding {
  /** What was looked at, such as `objects: write`. */
  readonly check: string;
  readonly status: "ok" | "warning" | "failed" | "skipped";
  /** Stable; `ok` when nothing is wrong. */
  readonly code: string;
  readonly message: string;
  /** What to do; empty when there is nothing. */
  readonly remedy: string;
}

export function ok(check: string, message: string): Finding {
  return { check, status: "ok", code: "ok", message, remedy: "" };
}

/** The check was not made, and that says nothing. */
export function skipped(check: string, message: string): Finding {
  return { check, status: "skipped", code: "skipped", message, remedy: "" };
}

/** What is wrong, and what to do. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

export function warning(check: string, problem: Problem): Finding {
  return { check, status: "warning", ...problem };
}

export function failed(check: string, problem: Problem): Finding {
  return { check, status: "failed", ...problem };
}

/** Returns an error as what a check found; the remedy is the one of its code. */
export function failedWith(check: string, { code, message }: StreamError): Finding {
  return failed(check, { code, message, remedy: adviceOf(code) });
}
