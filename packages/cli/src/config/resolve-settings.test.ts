import { Option } from "commander";
import { describe, expect, test } from "vitest";

import { parseConfigFile, type ConfigFile } from "./config-file.ts";
import { resolveSettings, type SettingSources } from "./resolve-settings.ts";
import { settingsOf } from "./setting.ts";
import type { UserContexts } from "./user-contexts.ts";

const options = [
  new Option("--coordinator <host:port>", "")
    .default(["127.0.0.1:8471"])
    .argParser((text: string) => text.split(",")),
  new Option("--context <name>", ""),
  new Option("--token-file <file>", ""),
  new Option("--slots <count>", "").default(1).argParser((text: string) => {
    if (!/^\d+$/.test(text)) throw new Error("give a whole number.");
    return Number(text);
  }),
  new Option("--metrics-port <port>", "").argParser(Number),
  new Option("--objects <url>", ""),
  new Option("--allow-insecure", ""),
  new Option("--param <name=value>", "")
    .default([])
    .argParser((text: string, before: readonly string[]) => [...before, text]),
];

const noContexts: UserContexts = {
  path: "/home/me/contexts.json",
  current: undefined,
  contexts: new Map(),
};

function fileOf(content: unknown): ConfigFile {
  return parseConfigFile("/project/millrace.config.ts", "/project", content);
}

function resolveAll(sources: Partial<SettingSources>) {
  const all = resolveSettings(settingsOf(options), {
    command: "worker",
    flags: new Map(),
    environment: {},
    file: undefined,
    userContexts: noContexts,
    ...sources,
  });
  return new Map(all.map(({ setting, value, origin }) => [setting.name, { value, origin }]));
}

describe("precedence", () => {
  const file = fileOf({ slots: 2, commands: { worker: { slots: 3 }, run: { slots: 9 } } });

  test("a flag wins over the environment, that over the file, that over the default", () => {
    const environment = { MILLRACE_SLOTS: "4" };
    const flags = new Map([["slots", 5]]);
    expect(resolveAll({ file, environment, flags }).get("slots")).toEqual({
      value: 5,
      origin: { kind: "flag", flag: "--slots" },
    });
    expect(resolveAll({ file, environment }).get("slots")).toEqual({
      value: 4,
      origin: { kind: "environment", variable: "MILLRACE_SLOTS" },
    });
    expect(resolveAll({ file }).get("slots")).toEqual({
      value: 3,
      origin: {
        kind: "file",
        path: "/project/millrace.config.ts",
        key: "commands.worker.slots",
      },
    });
    expect(resolveAll({}).get("slots")).toEqual({ value: 1, origin: { kind: "default" } });
  });

  test("what stands for all commands holds where the command says nothing", () => {
    expect(resolveAll({ file, command: "dev" }).get("slots")?.value).toBe(2);
  });

  test("an empty variable counts as absent", () => {
    expect(resolveAll({ environment: { MILLRACE_SLOTS: "" } }).get("slots")?.value).toBe(1);
  });

  test("`false` in the environment is false, and nonsense is refused by name", () => {
    const flag = (text: string) =>
      resolveAll({ environment: { MILLRACE_ALLOW_INSECURE: text } }).get("allowInsecure")?.value;
    expect([flag("true"), flag("1"), flag("false"), flag("0")]).toEqual([
      true,
      true,
      undefined,
      undefined,
    ]);
    expect(() => flag("maybe")).toThrow('MILLRACE_ALLOW_INSECURE is "maybe"; write true or false');
  });
});

describe("the config file", () => {
  test("its relative files and file: addresses are relative to it, others are left", () => {
    const found = resolveAll({
      file: fileOf({ tokenFile: "secrets/token", objects: "file:data" }),
    });
    expect(found.get("tokenFile")?.value).toBe("/project/secrets/token");
    expect(found.get("objects")?.value).toBe("file:/project/data");
    const far = resolveAll({ file: fileOf({ objects: "s3://bucket/prefix" }) });
    expect(far.get("objects")?.value).toBe("s3://bucket/prefix");
  });

  test("an object or an array gives an option several times", () => {
    const value = (param: unknown) => resolveAll({ file: fileOf({ param }) }).get("param")?.value;
    expect(value({ from: "a", count: 2 })).toEqual(["from=a", "count=2"]);
    expect(value(["from=a"])).toEqual(["from=a"]);
  });

  test("a wrong value is refused with file and key", () => {
    expect(() => resolveAll({ file: fileOf({ commands: { worker: { slots: "many" } } }) })).toThrow(
      '/project/millrace.config.ts: commands.worker.slots is "many": give a whole number.',
    );
    expect(() => fileOf({ slots: null })).toThrow(
      "/project/millrace.config.ts: slots must be an object",
    );
    expect(() => fileOf([])).toThrow("/project/millrace.config.ts must be an object");
    expect(() => resolveAll({ file: fileOf({ slots: true }) })).toThrow(
      "slots must be a text or a number",
    );
    expect(() => resolveAll({ file: fileOf({ allowInsecure: "yes" }) })).toThrow(
      "allowInsecure must be true or false",
    );
  });

  test("a context without coordinators, or with something else, is refused", () => {
    expect(() => fileOf({ contexts: { a: { tlsCa: "ca" } } })).toThrow(
      "contexts.a.coordinator is missing",
    );
    expect(() => fileOf({ contexts: { a: { coordinator: "a:1", slots: 2 } } })).toThrow(
      "contexts.a.slots is no setting of a context; there are coordinator, tlsCa",
    );
  });
});

describe("contexts", () => {
  const file = fileOf({
    coordinator: "file:1",
    tokenFile: "token-of-file",
    contexts: {
      prod: { coordinator: ["p1:1,p2:1"], tokenFile: "prod-token" },
      bare: { coordinator: "b:1" },
    },
  });
  const named = (name: string) => new Map([["context", name]]);

  test("a context counts as where it was named: by a flag it beats the environment", () => {
    const environment = { MILLRACE_COORDINATOR: "env:1" };
    const found = resolveAll({ file, environment, flags: named("prod") });
    expect(found.get("coordinator")).toEqual({
      value: ["p1:1", "p2:1"],
      origin: { kind: "context", context: "prod", path: "/project/millrace.config.ts" },
    });
    expect(found.get("tokenFile")?.value).toBe("/project/prod-token");
  });

  test("a flag beside it wins", () => {
    const flags = new Map<string, unknown>([
      ["context", "prod"],
      ["coordinator", ["x:1"]],
    ]);
    expect(resolveAll({ file, flags }).get("coordinator")?.value).toEqual(["x:1"]);
  });

  test("its gaps are not filled from elsewhere: no token goes to another cluster", () => {
    const environment = { MILLRACE_TOKEN_FILE: "/tokens/of-env" };
    const found = resolveAll({ file, environment, flags: named("bare") });
    expect(found.get("coordinator")?.value).toEqual(["b:1"]);
    expect(found.get("tokenFile")?.value).toBeUndefined();
  });

  test("the user's current context comes below the file and above the default", () => {
    const contexts = new Map([["mine", { coordinator: ["m:1"] }]]);
    const userContexts = { ...noContexts, current: "mine", contexts };
    expect(resolveAll({ userContexts }).get("coordinator")?.value).toEqual(["m:1"]);
    expect(resolveAll({ userContexts, file }).get("coordinator")?.value).toEqual(["file:1"]);
  });

  test("one that is not there is refused and those that are there are named", () => {
    expect(() => resolveAll({ file, flags: named("pord") })).toThrow(
      'there is no context "pord"; there are prod, bare',
    );
  });
});
