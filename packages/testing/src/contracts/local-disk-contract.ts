import type { LocalDisk } from "@millrace/core";
import { describe, expect, test } from "vitest";

interface LocalDiskSubject extends AsyncDisposable {
  readonly disk: LocalDisk;
  /** An empty folder. */
  readonly root: string;
}

type CreateSubject = () => Promise<LocalDiskSubject>;

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function readText(disk: LocalDisk, path: string): Promise<string> {
  return new TextDecoder().decode(await disk.readRange(path, { offset: 0, length: 1_000 }));
}

/** Describes what every local disk does; each test gets a fresh subject. */
export function describeLocalDiskContract(name: string, createSubject: CreateSubject): void {
  describe(`${name} disk`, () => {
    describeFiles(createSubject);
    describeFolders(createSubject);
  });
}

function describeFiles(createSubject: CreateSubject): void {
  test("what was appended is read back, by ranges too", async () => {
    await using subject = await createSubject();
    const { disk, root } = subject;
    const path = `${root}/a.txt`;
    for (const part of ["one ", "", "two"]) await disk.append(path, bytes(part));
    await disk.sync(path);
    expect(await disk.stat(path)).toEqual({ sizeBytes: 7, isFolder: false });
    const range = async (offset: number, length: number): Promise<string> =>
      new TextDecoder().decode(await disk.readRange(path, { offset, length }));
    expect(await range(0, 3)).toBe("one");
    expect(await range(4, 99)).toBe("two");
    expect(await range(7, 5)).toBe("");
    expect(await range(50, 5)).toBe("");
  });

  test("a written file replaces what was there and leaves nothing else behind", async () => {
    await using subject = await createSubject();
    const { disk, root } = subject;
    await disk.append(`${root}/a`, bytes("a longer old text"));
    const mine = bytes("new");
    await disk.writeFile(`${root}/a`, mine);
    mine.fill(0);
    expect(await readText(disk, `${root}/a`)).toBe("new");
    expect(await disk.list(root)).toEqual(["a"]);
  });

  test("a renamed file replaces its target", async () => {
    await using subject = await createSubject();
    const { disk, root } = subject;
    await disk.writeFile(`${root}/from`, bytes("moved"));
    await disk.writeFile(`${root}/to`, bytes("old"));
    await disk.rename(`${root}/from`, `${root}/to`);
    expect(await disk.stat(`${root}/from`)).toBeUndefined();
    expect(await readText(disk, `${root}/to`)).toBe("moved");
  });

  test("what is not there is not-found, except where its absence is an answer", async () => {
    await using subject = await createSubject();
    const { disk, root } = subject;
    const gone = `${root}/gone`;
    const notFound = { code: "not-found", message: expect.stringContaining(gone) };
    expect(await disk.stat(gone)).toBeUndefined();
    expect(await disk.list(gone)).toEqual([]);
    await disk.remove(gone);
    await expect(disk.readRange(gone, { offset: 0, length: 1 })).rejects.toMatchObject(notFound);
    await expect(disk.rename(gone, `${root}/to`)).rejects.toMatchObject(notFound);
    await expect(disk.sync(gone)).rejects.toMatchObject(notFound);
  });
}

function describeFolders(createSubject: CreateSubject): void {
  test("a folder is made with its parents, again without error, and lists names in order", async () => {
    await using subject = await createSubject();
    const { disk, root } = subject;
    await disk.makeFolder(`${root}/x/y`);
    await disk.makeFolder(`${root}/x/y`);
    await disk.makeFolder(`${root}/x`);
    for (const name of ["b", "a", "c"]) await disk.writeFile(`${root}/x/y/${name}`, bytes(name));
    await disk.writeFile(`${root}/x/z`, bytes("z"));
    await disk.remove(`${root}/x/y/c`);
    expect(await disk.stat(`${root}/x`)).toMatchObject({ isFolder: true });
    expect(await disk.stat(`${root}/x/y`)).toMatchObject({ isFolder: true });
    expect(await disk.list(`${root}/x/y`)).toEqual(["a", "b"]);
    expect(await disk.list(`${root}/x`)).toEqual(["y", "z"]);
  });

  test("a folder whose path leads through a file is not writable, with its path", async () => {
    await using subject = await createSubject();
    const { disk, root } = subject;
    await disk.writeFile(`${root}/file`, bytes("x"));
    for (const path of [`${root}/file/sub`, `${root}/file`]) {
      await expect(disk.makeFolder(path)).rejects.toMatchObject({
        code: "folder-not-writable",
        message: expect.stringContaining(path),
      });
    }
  });
}
