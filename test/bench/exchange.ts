/*
 * `node --conditions=@millrace/source test/bench/exchange.ts [--quick]`: frames of 32 and 256 KiB from
 * one process to another through the record exchange, beside the same over a plain socket, in turn:
 * MB/s and CPU time of both ends. Frames are full of byte records of 4 KiB and are not decoded.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { formatLine, medianOf, type BenchLine } from "./bench-line.ts";
import type { FlowOptions, SendingFlow } from "./exchange/flow.ts";
import { openPlainSender } from "./exchange/plain-socket.ts";
import type { Answer, Request } from "./exchange/receiving-process.ts";
import { openRecordSender } from "./exchange/record-flow.ts";

const warmUpBytes = 64 * 1024 * 1024;
const minShareOfRate = 0.7;
const maxShareOfCpu = 1.5;
const flows = ["plain", "records"] as const;

interface Rate {
  readonly megabytesPerSecond: number;
  readonly cpuMsPerMegabyte: number;
}

/** Returns rates and CPU times by transport and frame size, and how the exchange compares. */
export async function run(options: { readonly isQuick: boolean }): Promise<readonly BenchLine[]> {
  const rounds = options.isQuick ? 1 : 5;
  const sizeBytes = (options.isQuick ? 128 : 512) * 1024 * 1024;
  const child = fork(fileURLToPath(import.meta.resolve("./exchange/receiving-process.ts")));
  try {
    const lines: BenchLine[] = [];
    for (const transport of ["unix", "tcp"] as const) {
      for (const frameBytes of [32 * 1024, 256 * 1024]) {
        const rates = await compare(child, { transport, frameBytes }, { rounds, sizeBytes });
        lines.push(...linesOf({ transport, frameBytes }, rates));
      }
    }
    return lines;
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
      goal: `>= ${minShareOfRate}`,
      isMet: rateShare >= minShareOfRate,
    },
    {
      name: `${name}: CPU against the plain socket`,
      value: cpuShare,
      unit: "times",
      goal: `<= ${maxShareOfCpu}`,
      isMet: cpuShare <= maxShareOfCpu,
    },
  ];
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
  for (const line of await run({ isQuick: values.quick })) {
    process.stdout.write(`${formatLine(line)}\n`);
  }
}
