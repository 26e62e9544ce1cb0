import { Option, type Command } from "commander";

/** What `addStoreOptions` gives an action. */
export interface StoreCommandOptions {
  readonly data: string;
  readonly objects?: string;
}

/** What `addMetadataOptions` gives an action. */
export interface MetadataCommandOptions {
  readonly metadata?: string;
  readonly etcdCa?: string;
  readonly etcdCert?: string;
  readonly etcdKey?: string;
}

/** Adds where bundles and checkpoints are. */
export function addStoreOptions(command: Command, dataDescription: string): Command {
  return command
    .option("--data <folder>", dataDescription, ".millrace")
    .option(
      "--objects <url>",
      "bundles and checkpoints: s3://bucket/prefix?endpoint=…&region=…&pathStyle=true or " +
        "file:<folder>; default: in the data folder; S3 credentials as AWS tools find them",
    );
}

/** Adds where a coordinator's metadata are. */
export function addMetadataOptions(command: Command): Command {
  return command
    .option(
      "--metadata <url>",
      "jobs, heads and the election: etcd://host:port,host:port/prefix (etcds:// for TLS) or " +
        "sqlite:<file>; default: in the data folder; user and password by " +
        "MILLRACE_ETCD_USERNAME and MILLRACE_ETCD_PASSWORD",
    )
    .addOption(new Option("--etcd-ca <file>", "the authority that etcds:// must be signed by"))
    .addOption(new Option("--etcd-cert <file>", "the own certificate for etcd"))
    .addOption(new Option("--etcd-key <file>", "its private key"));
}
