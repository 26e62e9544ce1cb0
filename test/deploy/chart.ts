import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { parseAllDocuments } from "yaml";

import { provideHelm } from "../servers/helm.ts";
import { at, textOf, type Json } from "./json.ts";

const run = promisify(execFile);
const chartFolder: string = fileURLToPath(new URL("../../deploy/helm/millrace", import.meta.url));
/** A Helm that was built from source believes in Kubernetes 1.20. */
const kubernetes = ["--kube-version", "1.34.0"];
const releaseName = "m";
export const namespace = "streams";

/** An object of Kubernetes as the chart renders it. */
export interface Manifest {
  readonly kind: string;
  readonly name: string;
  readonly body: Json;
}

/** A pod, or the template that a controller makes pods of. */
export interface RenderedPod {
  /** Kind and name of what it comes from. */
  readonly origin: string;
  readonly metadata: Json | undefined;
  readonly spec: Json | undefined;
  readonly labels: Json | undefined;
}

export interface HelmResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Returns the value files that the chart brings, besides the defaults. */
export async function listValueFiles(): Promise<readonly string[]> {
  const names = await readdir(chartFolder);
  return names.filter((name) => /^values-.+\.yaml$/.test(name)).toSorted();
}

/** Runs `helm lint` or `helm template` with value files and `--set` assignments. */
export async function runHelm(
  command: "lint" | "template",
  valueFiles: readonly string[],
  assignments: readonly string[] = [],
): Promise<HelmResult> {
  const helm = await provideHelm();
  const what =
    command === "lint"
      ? ["lint", "--strict", chartFolder]
      : ["template", releaseName, chartFolder, "--namespace", namespace];
  const args = [
    ...what,
    ...kubernetes,
    ...valueFiles.flatMap((name) => ["--values", join(chartFolder, name)]),
    ...assignments.flatMap((assignment) => ["--set", assignment]),
  ];
  const result: Promise<HelmResult> = run(helm, args).then(
    ({ stdout, stderr }) => ({ exitCode: 0, stdout, stderr }),
    (error: unknown) => failedResult(error),
  );
  return result;
}

const renderings = new Map<string, Promise<readonly Manifest[]>>();

/** Returns what the chart renders, once for the same values; throws what Helm says. */
export function renderChart(
  valueFiles: readonly string[],
  assignments: readonly string[] = [],
): Promise<readonly Manifest[]> {
  const key = JSON.stringify([valueFiles, assignments]);
  const known = renderings.get(key);
  if (known !== undefined) return known;
  const rendering = render(valueFiles, assignments);
  renderings.set(key, rendering);
  return rendering;
}

async function render(
  valueFiles: readonly string[],
  assignments: readonly string[],
): Promise<readonly Manifest[]> {
  const { exitCode, stdout, stderr } = await runHelm("template", valueFiles, assignments);
  if (exitCode !== 0) throw new Error(stderr);
  return parseManifests(stdout);
}

/** Returns the notes that an installation prints: Helm renders them nowhere else without a Kubernetes. */
export async function renderNotes(valueFile: string): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), "millrace-chart-"));
  try {
    await cp(chartFolder, copy, { recursive: true });
    const notes = await readFile(join(copy, "templates/NOTES.txt"), "utf8");
    const object = `kind: Notes\nmetadata: { name: notes }\ntext: {{ include "notes" . | toJson }}\n`;
    const template = `{{- define "notes" }}${notes}{{ end }}${object}`;
    await writeFile(join(copy, "templates/notes.yaml"), template);
    const helm = await provideHelm();
    const values = ["--values", join(copy, valueFile), "--show-only", "templates/notes.yaml"];
    const where = ["--namespace", namespace, ...kubernetes];
    const { stdout } = await run(helm, ["template", releaseName, copy, ...where, ...values]);
    return textOf(at(parseManifests(stdout)[0]?.body, "text"));
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** Returns the objects of a text of YAML documents. */
export function parseManifests(text: string): readonly Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw error;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what YAML 1.2 without tags can say
    const body = document.toJS() as Json;
    if (body === null) return [];
    return [{ kind: textOf(at(body, "kind")), name: textOf(at(body, "metadata", "name")), body }];
  });
}

/** Returns every pod that the objects make, jobs' and hooks' too. */
export function podsOf(manifests: readonly Manifest[]): readonly RenderedPod[] {
  return manifests.flatMap(({ kind, name, body }) => {
    const pod = kind === "Pod" ? body : at(body, ...templatePath(kind));
    const spec = at(pod, "spec");
    if (at(spec, "containers") === undefined) return [];
    const metadata = at(pod, "metadata");
    return [{ origin: `${kind} ${name}`, metadata, spec, labels: at(metadata, "labels") }];
  });
}

function templatePath(kind: string): readonly string[] {
  return kind === "CronJob" ? ["spec", "jobTemplate", "spec", "template"] : ["spec", "template"];
}

function failedResult(error: unknown): HelmResult {
  const fields: Readonly<Record<string, unknown>> =
    typeof error === "object" && error !== null ? { ...error } : {};
  const { code, stdout, stderr } = fields;
  if (typeof code !== "number") throw error;
  return { exitCode: code, stdout: String(stdout), stderr: String(stderr) };
}
