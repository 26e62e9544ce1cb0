import type { TestCase, TestModule } from "vitest/node";

/** `etcd with 3 members metadata store, leases`: the subject, the port, the part of its contract. */
const suitePattern = /^(.+) (metadata store|object store)(?:, (.+))?$/;

interface Row {
  readonly port: string;
  readonly subject: string;
  passed: number;
  failed: number;
}

/** Returns the contract suites of the stores by subject, as lines of a table; none if none ran. */
export function contractTable(modules: readonly TestModule[]): readonly string[] {
  const rows = new Map<string, Row>();
  for (const module of modules) {
    for (const test of module.children.allTests()) count(rows, test);
  }
  if (rows.size === 0) return [];
  const sorted = [...rows].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  const width = Math.max(...sorted.map(({ subject }) => subject.length));
  return [
    "contract suites of the stores:",
    ...sorted.map(
      ({ port, subject, passed, failed }) =>
        `  ${port.padEnd(14)}  ${subject.padEnd(width)}  ${passed} passed, ${failed} failed`,
    ),
  ];
}

function count(rows: Map<string, Row>, test: TestCase): void {
  for (let at = test.parent; at.type === "suite"; at = at.parent) {
    const [, subject, port] = suitePattern.exec(at.name) ?? [];
    if (subject === undefined || port === undefined) continue;
    const key = `${port} ${subject}`;
    const row = rows.get(key) ?? { port, subject, passed: 0, failed: 0 };
    if (test.result().state === "passed") row.passed += 1;
    else row.failed += 1;
    rows.set(key, row);
    return;
  }
}
