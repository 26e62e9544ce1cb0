/** Whether the texts are the same, in a time that depends on their lengths only. */
export function isEqualInConstantTime(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  const length = Math.max(a.length, b.length);
  // Past the end of a text NaN counts as 0; the lengths have told the difference by then.
  for (let index = 0; index < length; index += 1) {
    difference |= a.charCodeAt(index) ^ b.charCodeAt(index);
  }
  return difference === 0;
}
