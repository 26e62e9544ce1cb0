import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import type { Benchmark } from "../report/benchmark.ts";
import { fromLines, type BenchLine } from "../report/from-lines.ts";
import { medianOf } from "../report/statistics.ts";
import type { FlowOptions, SendingFlow } from "./flow.ts";
import { openPlainSender } from "./plain-socket.ts";
import type { Answer, Request } from "./receiving-process.ts";
import { openRecordSender } from "./record-flow.ts";

const warmUpBytes = 64 * 1024 * 1024;
const minShareOfRate = 0.7;
const maxShareOfCpu = 1.5;
const flows = ["plain", "records"] as const;

interface Rate {
  readonly megabytesPerSecond: number;
  readonly cpuMsPerMegabyte: number;
}

/**
 * `pnpm bench exchange`: frames of 32 and 256 KiB from one process to another through the record
 * exchange, beside the same over a plain socket, in turn: MB/s and CPU time of both ends. Frames are
 * full of byte records of 4 KiB and are not decoded.
 */
export const exchange: Benchmark = fromLines({
  name: "exchange",
  summary: "MB/s and CPU per MB of the record exchange, beside a plain socket",
  measure: measureAll,
});

async function* measureAll(isQuick: boolean): AsyncGenerator<BenchLine> {
  const rounds = isQuick ? 1 : 5;
  const sizeBytes = (isQuick ? 128 : 512) * 1024 * 1024;
  const child = fork(fileURLToPath(import.meta.resolve("./receiving-process.ts")));
  try {
    for (const transport of ["unix", "tcp"] as const) {
      for (const frameBytes of [32 * 1024, 256 * 1024]) {
        const rates = await compare(child, { transport, frameBytes }, { rounds, sizeBytes });
        yield* linesOf({ transport, frameBytes }, rates);
      }
    }
  } finally {
    child.kill();
  }
}

async function compare(
  child: ChildProcess,
  options: FlowOptions,
  { rounds, sizeBytes }: { readonly rounds: number; readonly sizeBytes: number },
): Promise<Record<(typeof flows)[number], Rate[]>> {
  const rates: Record<(typeof flows)[number], Rate[]> = { plain: [], records: [] };
  for (let round = 0; round < rounds; round += 1) {
    for (const flow of flows) rates[flow].push(await measure(child, flow, options, sizeBytes));
  }
  return rates;
}

async function measure(
  child: ChildProcess,
  flow: (typeof flows)[number],
  options: FlowOptions,
  sizeBytes: number,
): Promise<Rate> {
  const { address } = await ask(child, { kind: "open", flow, options });
  const sender: SendingFlow =
    flow === "plain" ? openPlainSender(address, options) : await openRecordSender(address, options);
  await sender.send(warmUpBytes);
  const before = await ask(child, { kind: "await", totalBytes: warmUpBytes });
  const start = performance.now();
  const startCpu = process.cpuUsage();
  await sender.send(sizeBytes);
  const after = await ask(child, { kind: "await", totalBytes: warmUpBytes + sizeBytes });
  const { user, system } = process.cpuUsage(startCpu);
  const seconds = (performance.now() - start) / 1_000;
  await sender[Symbol.asyncDispose]();
  await ask(child, { kind: "close" });
  const megabytes = sizeBytes / 1e6;
  return {
    megabytesPerSecond: megabytes / seconds,
    cpuMsPerMegabyte: (user + system + after.cpuMicros - before.cpuMicros) / 1_000 / megabytes,
  };
}

async function ask(child: ChildProcess, request: Request): Promise<Answer> {
  const answered = once(child, "message");
  child.send(request);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the other end is ours, of the same version
  const [answer] = (await answered) as [Answer];
  return answer;
}

function linesOf(
  { transport, frameBytes }: FlowOptions,
  rates: Readonly<Record<(typeof flows)[number], readonly Rate[]>>,
): readonly BenchLine[] {
  const name = `${transport}, ${frameBytes / 1024} KiB`;
  const median = (flow: (typeof flows)[number], field: keyof Rate): number =>
    medianOf(rates[flow].map((rate) => rate[field]));
  const ratio = (field: keyof Rate): number =>
    medianOf(
      rates.records.map((rate, index) => rate[field] / (rates.plain[index]?.[field] ?? Number.NaN)),
    );
  const rateShare = ratio("megabytesPerSecond");
  const cpuShare = ratio("cpuMsPerMegabyte");
  return [
    ...flows.flatMap((flow) => [
      { name: `${name}, ${flow}`, value: median(flow, "megabytesPerSecond"), unit: "MB/s" },
      { name: `${name}, ${flow}: CPU`, value: median(flow, "cpuMsPerMegabyte"), unit: "ms/MB" },
    ]),
    {
      name: `${name}: rate against the plain socket`,
      value: rateShare,
      unit: "times",
      atLeast: minShareOfRate,
    },
    {
      name: `${name}: CPU against the plain socket`,
      value: cpuShare,
      unit: "times",
      atMost: maxShareOfCpu,
    },
  ];
}
