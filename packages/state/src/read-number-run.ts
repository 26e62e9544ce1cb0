import { decodeFailed, type ByteReader } from "@millrace/core";

import { lengthMask } from "./number-entry.ts";
import { keyForms, valueForms, valueFormShift } from "./number-runs.ts";

/** Reads a run behind its start and calls back for each entry; a value is undefined if it was removed. */
export function readNumberRun(
  input: ByteReader,
  visit: (key: string | number, value: number | undefined) => void,
): number {
  const layout = input.u8();
  const keyForm = layout & ((1 << valueFormShift) - 1);
  const valueForm = layout >>> valueFormShift;
  // Each entry takes a byte at least: of its length, or of its key.
  const count = input.count();
  const keys =
    keyForm === keyForms.number ? readNumbers(input, count) : readTexts(input, count, keyForm);
  switch (valueForm) {
    case valueForms.int:
      for (const key of keys) visit(key, input.zigzag());
      break;
    case valueForms.float:
      for (const key of keys) visit(key, input.f64());
      break;
    case valueForms.removed:
      for (const key of keys) visit(key, undefined);
      break;
    default:
      throw decodeFailed(`a run of numbers has the unknown layout ${layout}`);
  }
  return count;
}

function readNumbers(input: ByteReader, count: number): readonly number[] {
  const keys: number[] = [];
  for (let index = 0; index < count; index += 1) keys.push(input.f64());
  return keys;
}

function readTexts(input: ByteReader, count: number, keyForm: number): readonly string[] {
  if (keyForm !== keyForms.latin1 && keyForm !== keyForms.utf16) {
    throw decodeFailed("a run of numbers has keys of an unknown form");
  }
  const lengths: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const length = input.varint();
    if (length > lengthMask) throw decodeFailed("a run of numbers has a key that is too long");
    lengths.push(length);
  }
  const isLatin1 = keyForm === keyForms.latin1;
  return lengths.map((length) => (isLatin1 ? input.latin1(length) : input.utf16(length)));
}
