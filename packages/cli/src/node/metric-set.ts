import { Counter, Gauge, Registry } from "prom-client";

import type { RenderedMetrics } from "./serve-metrics.ts";

type Labels = Readonly<Record<string, string | number>>;

/** One scrape's metrics: filled from what a process has counted, then rendered. */
export class MetricSet {
  readonly #registry = new Registry();
  readonly #gauges = new Map<string, Gauge>();
  readonly #counters = new Map<string, Counter>();

  gauge(name: string, help: string, value: number, labels: Labels = {}): void {
    const known = this.#gauges.get(name);
    const labelNames = Object.keys(labels);
    const gauge = known ?? new Gauge({ name, help, labelNames, registers: [this.#registry] });
    this.#gauges.set(name, gauge);
    gauge.set(labels, value);
  }

  counter(name: string, help: string, value: number, labels: Labels = {}): void {
    const known = this.#counters.get(name);
    const labelNames = Object.keys(labels);
    const counter = known ?? new Counter({ name, help, labelNames, registers: [this.#registry] });
    this.#counters.set(name, counter);
    counter.inc(labels, value);
  }

  async render(): Promise<RenderedMetrics> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }
}
