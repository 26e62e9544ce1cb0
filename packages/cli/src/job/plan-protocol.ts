import type { FailureData, JsonValue } from "@millrace/core";

/** What the throw-away process is told. */
export interface PlanRequest {
  /** `file:` URL of the bundle. */
  readonly bundleUrl: string;
  readonly params: JsonValue;
  readonly environment: Readonly<Record<string, string>>;
  readonly baseDirectory: string;
}

/** What it answers. */
export type PlanAnswer =
  | { readonly kind: "planned"; readonly planJson: string }
  | { readonly kind: "failed"; readonly failure: FailureData };

/** Whether the message is an answer; anything else comes from the author's code. */
export function isPlanAnswer(message: unknown): message is PlanAnswer {
  if (typeof message !== "object" || message === null || !("kind" in message)) return false;
  return message.kind === "planned" || message.kind === "failed";
}
