import { StreamError } from "@millrace/core";
import type { SinkConnector, SinkWriter, StreamGraph, StreamNode } from "@millrace/graph";

import type { SeededRandom } from "../seeded-random.ts";

const close = async (): Promise<void> => {};

/**
 * Gives, rarely, process functions and sinks of a drawn job something to close, so that slots let go
 * before they end. `violate` is told of what a sink's writer is asked behind its close.
 */
export function addCloseHooks(
  draw: SeededRandom,
  graph: StreamGraph,
  violate: (message: string) => void,
): StreamGraph {
  if (!draw.chance(0.2)) return graph;
  const drawSink = draw.fork("sinks");
  const hook = (node: StreamNode): StreamNode => {
    const { spec } = node;
    if (spec.kind === "process") {
      return draw.chance(0.7) ? { ...node, spec: { ...spec, close } } : node;
    }
    if (spec.kind !== "sink" || !drawSink.chance(0.5)) return node;
    const connector = closedOnce(spec.connector, (what) => violate(`sink ${node.name}: ${what}`));
    return { ...node, spec: { ...spec, connector } };
  };
  return { ...graph, nodes: graph.nodes.map(hook) };
}

function closedOnce(
  connector: SinkConnector<unknown>,
  violate: (message: string) => void,
): SinkConnector<unknown> {
  return {
    ...connector,
    createWriter(context) {
      const writer = connector.createWriter(context);
      let isClosed = false;
      const check = (what: string): void => {
        if (!isClosed) return;
        violate(`subtask ${context.subtaskIndex} had to ${what} behind its close`);
        throw new StreamError("internal", "the writer is closed", {
          domain: "internal",
          retry: "never",
        });
      };
      return {
        ...checkedWriter(writer, check),
        async close() {
          check("close");
          isClosed = true;
        },
      };
    },
  };
}

function checkedWriter(
  writer: SinkWriter<unknown>,
  check: (what: string) => void,
): SinkWriter<unknown> {
  return {
    write(record) {
      check("write");
      writer.write(record);
    },
    bufferedBytes: () => writer.bufferedBytes(),
    flush() {
      check("flush");
      return writer.flush();
    },
    prepare(id) {
      check("prepare");
      return writer.prepare(id);
    },
    publish(committable, id) {
      check("publish");
      return writer.publish(committable, id);
    },
    removeOrphans() {
      check("remove orphans");
      return writer.removeOrphans();
    },
  };
}
