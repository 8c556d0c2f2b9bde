/**
 * Message boundaries in a byte stream, by counting: requests and responses have fixed sizes and
 * no header, as with netperf. Also the zero-filled buffers that are sent again and again.
 *
 * Does no I/O apart from `writeAll`. Invariant: 0 <= pending bytes < size of a frame.
 *
 * @module
 */

/** Counts whole frames of a fixed size in a stream that arrives in arbitrary pieces. */
export class FrameCounter {
  /** Bytes of one frame. */
  readonly frameBytes: number;
  #pendingBytes = 0;

  /** `frameBytes`: payload bytes of one frame, an integer >= 1 (RangeError otherwise). */
  constructor(frameBytes: number) {
    if (!Number.isInteger(frameBytes) || frameBytes < 1) {
      throw new RangeError(`A frame has at least 1 byte, not ${frameBytes}.`);
    }
    this.frameBytes = frameBytes;
  }

  /** Bytes of the frame that is not yet complete. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Takes `receivedBytes` more bytes; returns how many frames they completed. */
  push(receivedBytes: number): number {
    const availableBytes = this.#pendingBytes + receivedBytes;
    const frames = Math.floor(availableBytes / this.frameBytes);
    this.#pendingBytes = availableBytes - frames * this.frameBytes;
    return frames;
  }
}

/** Largest buffer of frames written in one call, so that memory does not grow with the burst. */
const PAYLOAD_BYTES_MAX = 256 * 1024;

/** Zero-filled frames, ready to be written; the views are made once per count of frames. */
export class Payload {
  /** Payload bytes of one frame. */
  readonly frameBytes: number;
  readonly #views: (Uint8Array | undefined)[] = [];
  #buffer: Uint8Array;
  /** Most frames that one view can hold, at least 1. */
  readonly framesMax: number;

  /** `frameBytes`: payload bytes of one frame, >= 1. */
  constructor(frameBytes: number) {
    this.frameBytes = frameBytes;
    this.framesMax = Math.max(1, Math.floor(PAYLOAD_BYTES_MAX / frameBytes));
    this.#buffer = new Uint8Array(frameBytes);
  }

  /** A view of `frames` whole frames, 1..framesMax. */
  view(frames: number): Uint8Array {
    const known = this.#views[frames];
    if (known !== undefined) return known;
    const byteCount = frames * this.frameBytes;
    if (this.#buffer.length < byteCount) this.#buffer = new Uint8Array(byteCount);
    const made = this.#buffer.subarray(0, byteCount);
    this.#views[frames] = made;
    return made;
  }
}

/** The part of a connection that writing needs. */
export interface ByteSink {
  write(bytes: Uint8Array): Promise<number>;
}

/** Writes all bytes; the kernel may take them in several pieces. */
export async function writeAll(sink: ByteSink, bytes: Uint8Array): Promise<void> {
  let written = await sink.write(bytes);
  while (written < bytes.length) written += await sink.write(bytes.subarray(written));
}
