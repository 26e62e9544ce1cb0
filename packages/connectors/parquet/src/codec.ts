import { StreamError } from "@millrace/core";
import type { ColumnMetaData, DecodedArray, FileMetaData, PageHeader } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { parquetHeader, readPage } from "hyparquet/src/column.js";
import { convert, DEFAULT_PARSERS } from "hyparquet/src/convert.js";
import { decompressPage } from "hyparquet/src/datapage.js";
import { parquetSchema } from "hyparquet/src/metadata.js";
import { getMaxDefinitionLevel, getTreePath, isFlatColumn } from "hyparquet/src/schema.js";

import { HybridReader, maxHybridWidth } from "./hybrid-reader.ts";

/*
 * Decodes one column chunk of a row group in pieces, so that a slot's thread is never held for long.
 * A page of dictionary indexes (what most writers make, and large: a whole row group of the flights)
 * is decoded as far as asked for; other pages are small by the writers' defaults (about 1 MB) and
 * are decoded whole, one page a step.
 *
 * I1 `step` decompresses at most one page; `take` decompresses none.
 * I2 Values come in row order; a null is null. Values of a dictionary are shared between rows.
 */

type ColumnDecoder = Parameters<typeof readPage>[2];

export interface ColumnOptions {
  readonly metadata: FileMetaData;
  readonly column: ColumnMetaData;
  readonly int64: "number" | "bigint";
  /** For messages. */
  readonly path: string;
}

/** Whether the column is a plain one: not a list, map or struct. */
export function isPlainColumn(metadata: FileMetaData, column: ColumnMetaData): boolean {
  const path = getTreePath(parquetSchema(metadata), column.path_in_schema);
  return path.length === 2 && isFlatColumn(path);
}

/** A piece of a page that can be read on: fills the target and returns nothing. */
interface PageCursor {
  readonly rowCount: number;
  take(target: unknown[], count: number): void;
}

/** A cursor over the values of one column chunk. */
export class ColumnCursor {
  readonly #bytes: Uint8Array;
  readonly #decoder: ColumnDecoder;
  readonly #options: ColumnOptions;
  readonly #isNullable: boolean;
  readonly #reader: { view: DataView<ArrayBuffer>; offset: number };
  #dictionary: DecodedArray | undefined;
  #page: PageCursor | undefined;
  #pageLeft = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>, options: ColumnOptions) {
    const schemaPath = getTreePath(parquetSchema(options.metadata), options.column.path_in_schema);
    const element = schemaPath.at(-1)?.element;
    if (element === undefined) throw this.#unreadable("it is not in the schema");
    this.#bytes = bytes;
    this.#options = options;
    this.#isNullable = getMaxDefinitionLevel(schemaPath) > 0;
    this.#reader = {
      view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      offset: 0,
    };
    this.#decoder = {
      pathInSchema: options.column.path_in_schema,
      type: options.column.type,
      element,
      schemaPath,
      codec: options.column.codec,
      parsers: DEFAULT_PARSERS,
      compressors,
    };
  }

  get name(): string {
    return this.#options.column.path_in_schema.join(".");
  }

  /** Rows that `take` has without another step. */
  get ready(): number {
    return this.#pageLeft;
  }

  /** Reads one page, the dictionary or data; throws `input-unreadable`. */
  step(): void {
    try {
      this.#readPage();
    } catch (error) {
      if (error instanceof StreamError) throw error;
      throw this.#unreadable(error instanceof Error ? error.message : String(error), error);
    }
  }

  /** Fills target[0, count) with the next values; count is at most `ready`. */
  take(target: unknown[], count: number): void {
    this.#page?.take(target, count);
    this.#pageLeft -= count;
  }

  #readPage(): void {
    if (this.#reader.offset >= this.#bytes.length) throw this.#unreadable("its pages end early");
    const header = parquetHeader(this.#reader);
    if (header.type === "DICTIONARY_PAGE") {
      const { data } = readPage(this.#reader, header, this.#decoder, undefined, undefined, 0);
      if (data !== undefined) this.#dictionary = this.#narrow(convert(data, this.#decoder));
      return;
    }
    this.#page = this.#openIndexPage(header) ?? this.#openWholePage(header);
    this.#pageLeft = this.#page.rowCount;
  }

  #openIndexPage(header: PageHeader): PageCursor | undefined {
    const data = header.data_page_header;
    const dictionary = this.#dictionary;
    if (data === undefined || dictionary === undefined) return undefined;
    if (data.encoding !== "RLE_DICTIONARY" && data.encoding !== "PLAIN_DICTIONARY")
      return undefined;
    const end = this.#reader.offset + header.compressed_page_size;
    const page = decompressPage(
      this.#bytes.subarray(this.#reader.offset, end),
      Number(header.uncompressed_page_size),
      this.#decoder.codec,
      compressors,
    );
    const levelBytes = this.#isNullable ? readUint32(page) : 0;
    const levels = this.#isNullable ? new HybridReader(page, 4, 1) : undefined;
    const valuesAt = this.#isNullable ? 4 + levelBytes : 0;
    const width = page[valuesAt] ?? 0;
    if (width > maxHybridWidth) return undefined;
    this.#reader.offset = end;
    const indexes = new HybridReader(page, valuesAt + 1, width);
    return createIndexCursor({ rowCount: data.num_values, dictionary, levels, indexes });
  }

  #openWholePage(header: PageHeader): PageCursor {
    const result = readPage(this.#reader, header, this.#decoder, this.#dictionary, undefined, 0);
    const values = this.#narrow(result.data ?? []);
    let next = 0;
    return {
      rowCount: values.length,
      take: (target, count) => {
        for (let index = 0; index < count; index += 1) {
          const value: unknown = values[next + index];
          target[index] = value ?? null;
        }
        next += count;
      },
    };
  }

  // INT64 arrives as bigint from the decoder.
  #narrow(values: DecodedArray): DecodedArray {
    if (this.#options.int64 === "bigint") return values;
    const isWide = values instanceof BigInt64Array || values instanceof BigUint64Array;
    if (!isWide && !(Array.isArray(values) && values.some((value) => typeof value === "bigint"))) {
      return values;
    }
    return Array.from<unknown, unknown>(values, (value) =>
      typeof value === "bigint" ? this.#toNumber(value) : value,
    );
  }

  #toNumber(value: bigint): number {
    const number = Number(value);
    if (Number.isSafeInteger(number)) return number;
    throw new StreamError(
      "decode-failed",
      `field ${this.name} of ${this.#options.path} holds ${value}, which a number cannot hold exactly: read it with int64: "bigint"`,
      { domain: "user", retry: "never" },
    );
  }

  #unreadable(reason: string, cause?: unknown): StreamError {
    return new StreamError(
      "input-unreadable",
      `cannot read column ${this.name} of ${this.#options.path}: ${reason}; check that the file is whole`,
      { domain: "user", retry: "never", cause },
    );
  }
}

interface IndexPage {
  readonly rowCount: number;
  readonly dictionary: DecodedArray;
  readonly levels: HybridReader | undefined;
  readonly indexes: HybridReader;
}

function createIndexCursor({ rowCount, dictionary, levels, indexes }: IndexPage): PageCursor {
  let levelBuffer = new Int32Array(0);
  let indexBuffer = new Int32Array(0);
  return {
    rowCount,
    take: (target, count) => {
      if (indexBuffer.length < count) {
        levelBuffer = new Int32Array(count);
        indexBuffer = new Int32Array(count);
      }
      levelBuffer.fill(1, 0, count);
      levels?.read(levelBuffer, count);
      let present = 0;
      for (let row = 0; row < count; row += 1) present += levelBuffer[row] ?? 0;
      indexes.read(indexBuffer, present);
      let next = 0;
      for (let row = 0; row < count; row += 1) {
        if (levelBuffer[row] === 0) {
          target[row] = null;
        } else {
          target[row] = dictionary[indexBuffer[next] ?? 0];
          next += 1;
        }
      }
    },
  };
}

function readUint32(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true);
}
