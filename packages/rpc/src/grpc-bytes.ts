/** Messages are encoded above the port: gRPC's serializers hand them on as they are. */
export function asBuffer(message: Uint8Array): Buffer {
  return Buffer.from(message.buffer, message.byteOffset, message.byteLength);
}

export function asBytes(message: Buffer): Uint8Array {
  return message;
}
