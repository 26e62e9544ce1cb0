/**
 * The bytes of a value, version 1 (golden: `value-codec.test.ts`). One tag byte, then what it needs;
 * integers little-endian, `varint` unsigned LEB128 of at most 32 bits.
 *
 * Objects name a **shape**, the list of their field names, by its number in the stream's dictionary;
 * a number one above the last defines the next shape: field count, then the names (`text`). Writer
 * and reader reset their dictionaries at the same places. Objects with too many fields or after too
 * many shapes carry their names inline.
 */
export const valueFormatVersion = 1;

export const tags = {
  null: 0x00,
  undefined: 0x01,
  false: 0x02,
  true: 0x03,
  /** Zigzag varint: integers of 32 bits, but not -0. */
  int: 0x04,
  f64: 0x05,
  /** Count of code units, one byte each. */
  latin1: 0x06,
  /** Count of code units, two bytes each. */
  utf16: 0x07,
  /** Count of bytes of the magnitude, least significant first. */
  bigint: 0x08,
  negativeBigint: 0x09,
  /** Milliseconds as f64. */
  date: 0x0a,
  /** Count, values. */
  array: 0x0b,
  /** In place of an array's value: the index has none. */
  hole: 0x0c,
  /** Count, bytes. */
  bytes: 0x0d,
  /** Count, then keys and values in turn. */
  map: 0x0e,
  /** Count, values. */
  set: 0x0f,
  /** Shape number, values. */
  object: 0x10,
  /** The same without a prototype. */
  bareObject: 0x11,
  /** Count, then names and values in turn. */
  namedObject: 0x12,
  bareNamedObject: 0x13,
  /** To 0x3f: an object of shape 0 to 31. */
  shortObject: 0x20,
  /** To 0x7f: a latin1 string of 0 to 63 code units. */
  shortLatin1: 0x40,
  /** To 0xff: an integer from 0 to 127. */
  shortInt: 0x80,
} as const;

export const shortObjectShapes = 32;
export const shortLatin1Length = 64;
/** Values nest at most this deep, in both directions. */
export const maxDepth = 100;
/** Of one dictionary. */
export const maxShapes = 256;
export const maxShapeFields = 128;
