import { StreamError } from "@millrace/core";
import type {
  SinkConnector,
  SinkWriter,
  SourceConnector,
  StreamGraph,
  StreamNode,
} from "@millrace/graph";

import type { SeededRandom } from "../seeded-random.ts";

const close = async (): Promise<void> => {};

/** Called with what is asked of something; throws where that is closed. */
type Check = (what: string) => void;

/**
 * Gives, rarely, process functions, sources and sinks of a drawn job something to close, so that slots let go
 * before they end. `violate` is told of what a reader or a writer is asked behind its close.
 */
export function addCloseHooks(
  draw: SeededRandom,
  graph: StreamGraph,
  violate: (message: string) => void,
): StreamGraph {
  if (!draw.chance(0.2)) return graph;
  const drawSink = draw.fork("sinks");
  const drawSource = draw.fork("sources");
  const hook = (node: StreamNode): StreamNode => {
    const { spec } = node;
    if (spec.kind === "process") {
      return draw.chance(0.7) ? { ...node, spec: { ...spec, close } } : node;
    }
    const tell = (message: string): void => violate(`${spec.kind} ${node.name}: ${message}`);
    if (spec.kind === "source" && drawSource.chance(0.5)) {
      return { ...node, spec: { ...spec, connector: closedSource(spec.connector, tell) } };
    }
    if (spec.kind === "sink" && drawSink.chance(0.5)) {
      return { ...node, spec: { ...spec, connector: closedSink(spec.connector, tell) } };
    }
    return node;
  };
  return { ...graph, nodes: graph.nodes.map(hook) };
}

function closedSource(
  connector: SourceConnector<unknown>,
  violate: (message: string) => void,
): SourceConnector<unknown> {
  return {
    ...connector,
    createReader(context) {
      const reader = connector.createReader(context);
      const { check, closing } = closedOnce(context.subtaskIndex, violate);
      return {
        async open(split, position) {
          check("open a split");
          const handle = await reader.open(split, position);
          return {
            nextBatch() {
              check("read");
              return handle.nextBatch();
            },
            close: () => handle.close(),
          };
        },
        close: () => closing(() => reader.close?.()),
      };
    },
  };
}

function closedSink(
  connector: SinkConnector<unknown>,
  violate: (message: string) => void,
): SinkConnector<unknown> {
  return {
    ...connector,
    createWriter(context) {
      const writer = connector.createWriter(context);
      const { check, closing } = closedOnce(context.subtaskIndex, violate);
      return { ...checkedWriter(writer, check), close: () => closing(() => writer.close?.()) };
    },
  };
}

/** Returns what checks that nothing is asked of something that was closed, and what closes it. */
function closedOnce(
  subtaskIndex: number,
  violate: (message: string) => void,
): {
  readonly check: Check;
  readonly closing: (close: () => Promise<void> | undefined) => Promise<void>;
} {
  let isClosed = false;
  const check: Check = (what) => {
    if (!isClosed) return;
    violate(`subtask ${subtaskIndex} had to ${what} behind its close`);
    throw new StreamError("internal", "it is closed", { domain: "internal", retry: "never" });
  };
  return {
    check,
    async closing(close) {
      check("close");
      isClosed = true;
      await close();
    },
  };
}

function checkedWriter(writer: SinkWriter<unknown>, check: Check): SinkWriter<unknown> {
  return {
    write(record) {
      check("write");
      writer.write(record);
    },
    bufferedBytes() {
      check("say what it holds back");
      return writer.bufferedBytes();
    },
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
