import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { repositoryFolder } from "./run-millrace.ts";

const imports = `
import { jsonLines, textLines } from "@millrace/file";
import { defineJob, elements, state, tumbling, type } from "millrace";
import { parquet } from "@millrace/parquet";
`;

/** A folder of job modules, in the examples' package so that they find the API and the connectors. */
export class JobModules implements AsyncDisposable {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(): Promise<JobModules> {
    const parent = join(repositoryFolder, "packages/examples/node_modules");
    return new JobModules(await mkdtemp(join(parent, "job-modules-")));
  }

  /** Returns the path of a new module: the imports of API and connectors, then the code. */
  async add(name: string, code: string): Promise<string> {
    const path = join(this.folder, name);
    await writeFile(path, `${imports}${code}`);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
