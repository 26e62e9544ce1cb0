/** Returns the bytes of a bigint that is not negative, least significant first, none for zero. */
export function magnitudeBytes(value: bigint): Uint8Array {
  let digits = value === 0n ? "" : value.toString(16);
  if (digits.length % 2 === 1) digits = `0${digits}`;
  const bytes = new Uint8Array(digits.length / 2);
  for (let index = 0; index < bytes.length; index += 1) {
    const at = digits.length - 2 * (index + 1);
    bytes[index] = Number.parseInt(digits.slice(at, at + 2), 16);
  }
  return bytes;
}

/** Returns the bigint of the bytes, least significant first. */
export function magnitudeOf(bytes: Uint8Array): bigint {
  let digits = "";
  for (const byte of bytes) digits = byte.toString(16).padStart(2, "0") + digits;
  return digits === "" ? 0n : BigInt(`0x${digits}`);
}
