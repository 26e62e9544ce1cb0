import type { Turn } from "@millrace/core";

/** Returns turns of Node's event loop: I/O runs between two of them. */
export function createNodeTurn(): Turn {
  return { post: (callback) => void setImmediate(callback) };
}
