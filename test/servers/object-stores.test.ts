import { createNodeClock, createNodeRandom } from "@millrace/platform";
import { createRetryingObjectStore, createS3ObjectStore } from "@millrace/storage";
import { describeObjectStoreContract, type ObjectStoreSubject } from "@millrace/testing/contracts";
import { afterAll, beforeAll, describe } from "vitest";

import { findS3Program, provideS3Program } from "./s3-program.ts";
import { startS3, type S3Server } from "./s3.ts";

const clock = createNodeClock();
let prefixCount = 0;
const provided = await provideS3Program();
const others = await Promise.all([findS3Program("s3proxy"), findS3Program("minio")]);
const subjects = [provided, ...others.filter((one) => one !== undefined)].filter(
  (one, index, all) => all.findIndex(({ kind }) => kind === one.kind) === index,
);

for (const program of subjects) {
  describe(`real: ${program.kind}`, () => {
    let server: S3Server;
    beforeAll(async () => {
      server = await startS3(program);
    });
    afterAll(async () => {
      await server[Symbol.asyncDispose]();
    });
    // S3Proxy answers 500 for a name below that of an object.
    const options = { canLookBelowObjects: program.kind !== "s3proxy" };
    const plain = (): Promise<ObjectStoreSubject> => subjectOn(server, (s3) => s3);
    // These remove a folder with its last object, now and then under a put, and answer 500.
    const canPutBesideRemoval = program.kind !== "s3proxy" && program.kind !== "versitygw";
    describeObjectStoreContract(`S3 on ${program.kind}`, plain, {
      ...options,
      canPutBesideRemoval,
    });
    const patient = (): Promise<ObjectStoreSubject> =>
      subjectOn(server, (s3) =>
        createRetryingObjectStore(s3, { clock, random: createNodeRandom() }),
      );
    describeObjectStoreContract(`retrying S3 on ${program.kind}`, patient, options);
  });
}

/** Each subject has a prefix of its own in the one bucket. */
function subjectOn(
  server: S3Server,
  wrap: (s3: ObjectStoreSubject["store"]) => ObjectStoreSubject["store"],
): Promise<ObjectStoreSubject> {
  const { accessKeyId, bucket, endpoint, region, secretAccessKey } = server;
  prefixCount += 1;
  const s3 = createS3ObjectStore({
    clock,
    bucket,
    endpoint,
    region,
    prefix: `contract/${prefixCount}`,
    credentials: { accessKeyId, secretAccessKey },
  });
  const store = wrap(s3);
  return Promise.resolve({ store, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() });
}
