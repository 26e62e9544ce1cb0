/**
 * The bytes of a batch of records, version 2 (golden: `batch-codec.test.ts`). Values lie in **streams**
 * by their kind, each in the order of the records: what one typed array can be read through, without a
 * part per field that a small batch would pay for. All integers little-endian, as are the machines.
 *
 * | offset | head |
 * |---|---|
 * | 0 | version (u8), flags (u8; bit 0: hashes), shapes (u16) |
 * | 4 | records |
 * | 8 | bytes of the shapes |
 * | 12 | words of 4 bytes: the stream `ints` |
 * | 16 | words of 8 bytes: the stream `floats` |
 * | 20 | bytes of the stream `bytes` |
 * | 24 | bytes of the stream `text` |
 * | 28 | bytes of the stream `any` |
 * | 32 | how timestamps are stored (u32; see below), zero (u32) |
 *
 * Then, without gaps: timestamps of 8 bytes, `floats`; timestamps of 4 bytes, hashes (i32 each), `ints`; the
 * shapes; with more than one shape the number of each record's (u8); `bytes`, `text`, `any`.
 *
 * Timestamps: constant (0): one f64; deltas (1): the first as f64, then for each record an i32 to add to the
 * one before; as they are (2): an f64 each.
 *
 * A **shape** is its length (varint) and a schema: a kind, with `optionalFlag` where null and undefined
 * occur; behind `array` the schema of its elements; behind `object` the number of fields, then name (`text`)
 * and schema of each. What a value of a schema takes:
 *
 * | kind | streams |
 * |---|---|
 * | optional | `bytes`: 0 null, 1 undefined, 2 the value follows |
 * | u8, boolean | `bytes`: one |
 * | i32 | `ints`: one |
 * | f64, date (milliseconds), bigint (as i64) | `floats`: one |
 * | string | `bytes`: code units * 2 + 1 if they are two bytes each (varint); `text`: the code units |
 * | bytes | `bytes`: length (varint); `text`: the bytes |
 * | array | `bytes`: length (varint); then the elements |
 * | object | its fields |
 * | any | `any`: the value in the self-describing format, one dictionary for the batch |
 */
export const batchFormatVersion = 2;

export const batchHeadBytes = 40;
export const hashFlag = 1;

export const timestampModes = { constant: 0, deltas: 1, plain: 2 } as const;

export const schemaTags = {
  u8: 1,
  i32: 2,
  f64: 3,
  boolean: 4,
  string: 5,
  bigint: 6,
  date: 7,
  bytes: 8,
  any: 9,
  never: 10,
  array: 11,
  object: 12,
} as const;
export const optionalFlag = 0x80;

/** Shapes of one batch, that of the fallback included. */
export const maxBatchShapes = 64;
/** Objects and arrays nest at most this deep in a schema; what lies deeper is `any`. */
export const maxSchemaDepth = 8;
export const maxSchemaFields = 64;
/** Places of a schema, all together: what bounds the code that is generated for it. */
export const maxSchemaNodes = 128;
