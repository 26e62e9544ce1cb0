import { randomBytes } from "node:crypto";

import { StreamError, type Clock } from "@millrace/core";
import { createGrpcNetwork, type GrpcNetworkOptions } from "@millrace/rpc";

import { askEach } from "../client/find-leader.ts";
import { parseMetadataUrl } from "../node/metadata-url.ts";
import type { MetadataPlace } from "../node/open-stores.ts";
import { failedWith, ok, type Finding } from "./finding.ts";
import { judgeCoordinators } from "./judge-coordinators.ts";
import { judgeCertificateTimes, judgeClock, judgeFolder, judgeNode } from "./judge-machine.ts";
import { judgeMetadata, judgeObjects, judgeOwnership, type MetadataFacts } from "./judge-stores.ts";
import { checkKeyPair, probeClock, probeFolder, readCertificates } from "./probe-machine.ts";
import { probeMetadata } from "./probe-metadata.ts";
import { probeObjects } from "./probe-objects.ts";

export interface DoctorOptions {
  readonly metadata: MetadataPlace;
  readonly objects?: string;
  readonly coordinators: readonly string[];
  /** PEM files of this process. */
  readonly tls: { readonly ca?: string; readonly certificate?: string; readonly key?: string };
  /** Reads what a call shows; throws for files that cannot be used. */
  readonly readSecurity: () => GrpcNetworkOptions;
  readonly version: string;
  readonly clock: Clock;
}

/**
 * Returns what every check found: this machine, both stores, whether they belong together, the
 * clocks, the certificates, the coordinators. Changes nothing but a key and an object of its own,
 * which it removes. Takes at most about half a minute.
 */
export async function runDoctor(options: DoctorOptions): Promise<readonly Finding[]> {
  const { clock, metadata: place, objects } = options;
  const nonce = randomBytes(8).toString("hex");
  const objectPlace = {
    dataFolder: place.dataFolder,
    ...(objects === undefined ? {} : { objects }),
  };
  const [folder, metadata, objectProbe, certificates] = await Promise.all([
    probeFolder(place.dataFolder),
    probeMetadata(place, clock, nonce),
    probeObjects(objectPlace, clock, nonce),
    checkCertificates(options),
  ]);
  const [clocks, coordinators] = await Promise.all([
    checkClocks(place, objectProbe.endpoint),
    checkCoordinators(options, metadata),
  ]);
  return [
    judgeNode(process.versions.node),
    judgeFolder(folder),
    judgeMetadata(metadata),
    ...judgeObjects(objectProbe.facts),
    judgeOwnership(metadata, objectProbe.marks),
    ...clocks,
    ...certificates,
    ...coordinators,
  ];
}

async function checkClocks(
  { metadata }: MetadataPlace,
  endpoint: string | undefined,
): Promise<readonly Finding[]> {
  const url = metadata === undefined ? undefined : tryParse(metadata);
  // With TLS, etcd wants certificates for this too; the coordinator compares nothing by its clock.
  const [etcd] = url?.kind === "etcd" && !url.isTls ? url.endpoints : [];
  const facts = await Promise.all([
    endpoint === undefined ? undefined : probeClock("S3", endpoint),
    etcd === undefined ? undefined : probeClock("etcd", `http://${etcd}/version`),
  ]);
  return facts.flatMap((clock) => (clock === undefined ? [] : [judgeClock(clock)]));
}

function tryParse(metadata: string): ReturnType<typeof parseMetadataUrl> | undefined {
  try {
    return parseMetadataUrl(metadata);
  } catch {
    // Another check's finding.
    return undefined;
  }
}

async function checkCertificates({ tls, clock }: DoctorOptions): Promise<readonly Finding[]> {
  const { ca, certificate, key } = tls;
  const files = [
    ["--tls-ca", ca],
    ["--tls-cert", certificate],
  ] as const;
  const findings: Finding[] = [];
  for (const [flag, path] of files) {
    if (path === undefined) continue;
    try {
      const facts = await readCertificates(flag, path);
      findings.push(...facts.map((one) => judgeCertificateTimes(one, clock.wallMs())));
    } catch (caught) {
      findings.push(failedWith(`certificate: ${flag}`, StreamError.from(caught)));
    }
  }
  if (certificate === undefined || key === undefined) return findings;
  const check = "certificate: --tls-key";
  try {
    await checkKeyPair(certificate, key);
    return [...findings, ok(check, `${key} is the key of ${certificate}`)];
  } catch (caught) {
    return [...findings, failedWith(check, StreamError.from(caught))];
  }
}

async function checkCoordinators(
  options: DoctorOptions,
  metadata: MetadataFacts,
): Promise<readonly Finding[]> {
  try {
    await using network = createGrpcNetwork(options.readSecurity());
    const replies = await askEach(network, options.coordinators);
    const clusterId = metadata.kind === "works" ? metadata.clusterId : undefined;
    const { version } = options;
    const known = clusterId === undefined ? {} : { clusterId };
    return judgeCoordinators({ replies, version, ...known });
  } catch (caught) {
    return [failedWith("coordinators", StreamError.from(caught))];
  }
}
