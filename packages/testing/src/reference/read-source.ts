import type { ConnectorContext, SourceConnector } from "@millrace/graph";

/**
 * Returns all records of a source, split by split, as one reader gives them; of one without an end up
 * to where it waits for more.
 */
export async function readSource(
  connector: SourceConnector<unknown>,
  context: ConnectorContext,
): Promise<readonly unknown[]> {
  const records: unknown[] = [];
  const reader = connector.createReader(context);
  for (const split of await connector.discover(context)) {
    const handle = await reader.open(split, undefined);
    for (;;) {
      const batch = await handle.nextBatch();
      const isWaiting = connector.isBounded === false && batch?.records.length === 0;
      if (batch === undefined || isWaiting) break;
      for (const value of batch.records) records.push(value);
    }
    await handle.close();
  }
  await reader.close?.();
  return records;
}
